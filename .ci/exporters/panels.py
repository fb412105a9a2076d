"""Asserts that Prometheus answers the queries of dashboards, alerts and rules which look at the exporters that run here, and that a panel
has something to show.

usage: panels.py PROMETHEUS      http://host:port
"""

import json
import pathlib
import re
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "kubernetes"))
from queries import listed, of_everything, selected  # noqa: E402

LISTS = pathlib.Path(__file__).resolve().parents[1] / "kubernetes/metrics"
RUNNING = ("node-exporter", "postgres-exporter", "kafka-exporter", "blackbox-exporter")


def answer(prometheus, query):
    try:
        address = f"{prometheus}/api/v1/query?{urllib.parse.urlencode({'query': query})}"
        return json.load(urllib.request.urlopen(address, timeout=10))["data"]["result"]
    except urllib.error.HTTPError as refused:
        sys.exit(f"Prometheus does not answer {query}: {refused.read().decode()}")


def may_be_empty(query):
    """A comparison leaves nothing where nothing is wrong."""
    return re.search(r"[<>]|==|!= ", query) is not None


def main(prometheus):
    given = {"up"}.union(*(listed(LISTS / f"{name}.txt")[1] for name in RUNNING))
    queries = sorted({query for query in of_everything() if {name for name, _ in selected(query)} <= given})
    # A rate wants two samples.
    deadline = time.monotonic() + 60
    while empty := [query for query in queries if not answer(prometheus, query) and not may_be_empty(query)]:
        if time.monotonic() > deadline:
            sys.exit("after a minute these show nothing:\n" + "\n".join(empty))
        time.sleep(1)
    print(f"{len(queries)} queries answered by Prometheus, {sum(not may_be_empty(query) for query in queries)} of them with something to show")


if __name__ == "__main__":
    main(*sys.argv[1:])
