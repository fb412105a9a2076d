"""Fails where a script of a workflow has a pipe and its shell is not named: GitHub's bash fails for what is before a pipe only where it
is named, and the step is green else.

usage: pipes.py WORKFLOW.yml ...
"""

import pathlib
import re
import sys

import yaml


def shell(place):
    return place.get("defaults", {}).get("run", {}).get("shell")


def unnamed(workflow):
    """The scripts with a pipe that are run by a shell without a name."""
    for name, job in workflow["jobs"].items():
        for step in job.get("steps", []):
            piped = re.search(r"(?<!\|)\|(?!\|)", step.get("run", ""))
            if piped and (step.get("shell") or shell(job) or shell(workflow)) != "bash":
                yield f"{name}, {step.get('name') or step['run'].splitlines()[0]}"


def main(files):
    found = [f"{file}: {script}" for file in files for script in unnamed(yaml.safe_load(pathlib.Path(file).read_text()))]
    if found:
        sys.exit("these have a pipe, and fail before it unseen; say `shell: bash`:\n" + "\n".join(found))


if __name__ == "__main__":
    main(sys.argv[1:])
