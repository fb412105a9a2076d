"""Makes lists of metrics: a first line that says whose they are, then a metric a line with its labels.

usage: lists.py run NAME VERSION ADDRESS     those that a running exporter gives
       lists.py kube-state-metrics VERSION FOLDER
       lists.py cadvisor VERSION FOLDER
       lists.py kubelet VERSION FOLDER       those that the documentation in a source names
"""

import pathlib
import re
import sys
import urllib.request

import yaml

# What a library says of the exporter's own process.
OF_THE_PROCESS = ("go_", "process_", "promhttp_", "net_conntrack_")
# What the kubelet puts on each metric of cAdvisor's, by pkg/kubelet/server/server.go.
OF_CONTAINERS = {"id", "name", "image", "pod", "namespace", "container"}


def listed(first, metrics):
    lines = [" ".join([name, *sorted(labels)]) for name, labels in sorted(metrics.items())]
    return "\n".join([f"# {first}", *lines, ""])


def run(name, version, address):
    """The series of an exporter, by their names in the text format; a histogram's are those that queries name."""
    metrics = {}
    for line in urllib.request.urlopen(address, timeout=30).read().decode().splitlines():
        series = re.match(r"([a-zA-Z_:][\w:]*)(?:\{(.*)\})? ", line)
        if series and not line.startswith("#") and not series.group(1).startswith(OF_THE_PROCESS):
            labels = re.findall(r'(\w+)="(?:[^"\\]|\\.)*"', series.group(2) or "")
            metrics.setdefault(series.group(1), set()).update(labels)
    return listed(f"{name} {version}: as a run gave them", metrics)


def kube_state_metrics(version, folder):
    metrics = {}
    for file in sorted(pathlib.Path(folder, "docs/metrics").rglob("*.md")):
        if file.name == "customresourcestate-metrics.md":
            continue
        for name, row in re.findall(r"^\| (kube_\w+) +\|(.*)$", file.read_text(), re.M):
            metrics.setdefault(name, set()).update(re.findall(r"`(\w+)`=", row))
    return listed(f"kube-state-metrics {version}: as docs/metrics of its source has them", metrics)


def cadvisor(version, folder):
    text = pathlib.Path(folder, "docs/storage/prometheus.md").read_text()
    # On some it puts more, of which none is chosen by.
    metrics = {name: OF_CONTAINERS for name in re.findall(r"^`(container_\w+)` \|", text, re.M)}
    return listed(f"cadvisor {version}: as docs/storage/prometheus.md of its source has them", metrics)


def kubelet(version, folder):
    file = pathlib.Path(folder, "test/instrumentation/documentation/documentation-list.yaml")
    metrics = {}
    for found in yaml.safe_load(file.read_text()):
        name = "_".join(part for part in (found.get("namespace"), found.get("subsystem"), found["name"]) if part)
        if name.startswith("kubelet_"):
            metrics[name] = set(found.get("labels", []))
    return listed(f"kubernetes {version}: as {file.relative_to(folder)} of its source has them", metrics)


if __name__ == "__main__":
    what, *arguments = sys.argv[1:]
    print({"run": run, "kube-state-metrics": kube_state_metrics, "cadvisor": cadvisor, "kubelet": kubelet}[what](*arguments), end="")
