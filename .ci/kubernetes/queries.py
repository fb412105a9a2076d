"""The queries of alerts, recording rules and dashboards, and the metrics that they name.

usage: queries.py rules           writes those of the dashboards as rules, so that promtool reads them
       queries.py known FOLDER    fails if one names a metric or a label that is in no list of the folder, nor in our own documents
"""

import json
import pathlib
import re
import sys

import promql_parser
import yaml
from manifests import REPOSITORY

OBSERVABILITY = REPOSITORY / "k8s/base/observability"
GRAFANA = REPOSITORY / "grafana"
RULES = GRAFANA / "rules"
DASHBOARDS = GRAFANA / "dashboards"
# What Grafana puts in the place of its own variables; that of a dashboard may become any value.
OF_GRAFANA = {"__rate_interval": "1m", "__interval": "1m", "__range": "1h"}
# What Prometheus itself says of targets and alerts.
OF_PROMETHEUS = {"up": set(), "ALERTS": {"alertname", "alertstate", "severity"}}
# What a target has beside the labels of its metrics.
OF_TARGETS = {"job", "instance", "app", "namespace", "pod", "service"}


def rules(file):
    groups = yaml.safe_load((RULES / file).read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def dashboards():
    return [json.loads(file.read_text()) for file in sorted(DASHBOARDS.glob("*.json"))]


def filled(query, board):
    """The query as Grafana sends it, with some value for each variable; one that the dashboard has not is an error."""
    values = OF_GRAFANA | {variable["name"]: ".*" for variable in board["templating"]["list"]}
    return re.sub(r"\$(\w+)", lambda found: values[found.group(1)], query)


def of_panels(board, source):
    """The queries of a dashboard's panels that go to a data source."""
    panels = [panel for panel in board["panels"] if panel["datasource"]["uid"] == source]
    return [filled(target["expr"], board) for panel in panels for target in panel["targets"]]


def of_variables(board):
    """The series whose label values are a variable's, by its query `label_values(SERIES, LABEL)`, and that label."""
    found = []
    for variable in board["templating"]["list"]:
        series, label = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"]).groups()
        found.append((filled(series, board), label))
    return found


def of_everything():
    """Every query in PromQL that there is."""
    ruled = [rule["expr"] for rule in rules("alerts.yml") + rules("recording.yml")]
    shown = [query for board in dashboards() for query in of_panels(board, "prometheus")]
    return ruled + shown + [series for board in dashboards() for series, _ in of_variables(board)]


def selected(query):
    """The metrics that a query names, each with the labels that it chooses by."""
    found = []

    def look(node):
        if isinstance(node, promql_parser.VectorSelector):
            found.append((node.name, {matcher.name for matcher in node.matchers.matchers}))
        return True

    promql_parser.walk(promql_parser.parse(query), look)
    return found


def counted(query):
    """The counters whose increase a query asks for, each with the labels that it chooses by and their values."""
    found = []

    def look(node):
        if isinstance(node, promql_parser.Call) and node.func.name == "increase":
            series = node.args[0].vector_selector
            found.append((series.name, {(matcher.name, matcher.value) for matcher in series.matchers.matchers}))
        return True

    promql_parser.walk(promql_parser.parse(query), look)
    return found


def listed(file):
    """The first line of a list of metrics, and each metric with its labels."""
    first, *lines = file.read_text().splitlines()
    return first, {name: set(labels) for name, *labels in (line.split() for line in lines)}


def known(lists):
    """Every metric that there is, with its labels: ours by their documents, which are held to the programs, others' by lists."""
    found = {}
    table = (REPOSITORY / "docs/metrics.md").read_text()
    for name, labels in re.findall(r"^\| `(\w+)` \| \w+ \| (.*?) ?\|", table, re.M):
        found[name] = {label for label in labels.split(", ") if label}
    for name, label in re.findall(r"`(\w+)(?:\{(\w+)\})?`", (REPOSITORY / "jobs/order-analytics/README.md").read_text()):
        found[f"order_analytics_{name}"] = {label} - {""}
    found |= {rule["record"]: set() for rule in rules("recording.yml")}
    found |= {f"{name}_bucket": labels | {"le"} for name, labels in found.items()}
    for file in pathlib.Path(lists).glob("*.txt"):
        found |= listed(file)[1]
    return found | OF_PROMETHEUS


def unknown(lists):
    """What queries and variables name and nobody gives."""
    metrics, faults = known(lists), []
    chosen = [(query, *one) for query in of_everything() for one in selected(query)]
    chosen += [(series, name, {label}) for board in dashboards() for series, label in of_variables(board) for name, _ in selected(series)]
    for query, name, labels in chosen:
        if name not in metrics:
            faults.append(f"nobody gives {name}: {query}")
        elif labels - metrics[name] - OF_TARGETS:
            faults.append(f"{name} has no label {', '.join(sorted(labels - metrics[name] - OF_TARGETS))}: {query}")
    return faults


def as_rules():
    queries = [query for board in dashboards() for query in of_panels(board, "prometheus")]
    named = [{"record": f"dashboards:query{number}:q", "expr": query} for number, query in enumerate(queries)]
    return json.dumps({"groups": [{"name": "dashboards", "rules": named}]})


if __name__ == "__main__":
    if sys.argv[1:] == ["rules"]:
        print(as_rules())
    else:
        sys.exit("\n".join(unknown(sys.argv[2])) or None)
