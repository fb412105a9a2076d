"""Manifests as kustomize renders them."""

import pathlib
import subprocess

import yaml

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]


def parsed(text):
    return [found for found in yaml.safe_load_all(text) if found]


def read(file):
    return parsed(pathlib.Path(file).read_text())


def kustomized(folder):
    """What kustomize makes of a folder, as text."""
    return subprocess.run(["kubectl", "kustomize", folder], check=True, capture_output=True, text=True).stdout


def named(manifests, *kinds):
    return {found["metadata"]["name"]: found for found in manifests if found["kind"] in kinds}


def container(workload):
    (only,) = workload["spec"]["template"]["spec"]["containers"]
    return only
