"""Asserts that lines which were logged are found by the labels that dashboards ask for, and that Loki takes the dashboards' queries.

usage: arrive.py LOKI LABELS      LOKI is http://host:port, LABELS those of a line of WARN by order-analytics, as name=value,...
"""

import json
import pathlib
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "kubernetes"))
from queries import dashboards, of_panels  # noqa: E402

# Loki finds these itself.
DETECTED = {"service_name", "detected_level"}


def asked(loki, query):
    """The streams that answer a query of the last hour."""
    address = f"{loki}/loki/api/v1/query_range?{urllib.parse.urlencode({'query': query, 'since': '1h'})}"
    try:
        return json.load(urllib.request.urlopen(address, timeout=10))["data"]["result"]
    except urllib.error.HTTPError as refused:
        sys.exit(f"Loki does not take {query}: {refused.read().decode()}")


def main(loki, labels):
    wanted = dict(pair.split("=") for pair in labels.split(","))
    query = '{namespace="ecommerce", container="order-analytics", level="WARN"}'
    deadline = time.monotonic() + 60
    while not (streams := asked(loki, query)):
        if time.monotonic() > deadline:
            there = asked(loki, '{job=~".+"}')
            sys.exit(f"after a minute no line answers {query}; there are {there}")
        time.sleep(0.5)
    found = {name: value for name, value in streams[0]["stream"].items() if name not in DETECTED}
    if found != wanted:
        sys.exit(f"a line has the labels {found}, not {wanted}")
    line = streams[0]["values"][0][1]
    if json.loads(line)["level"] != "WARN":
        sys.exit(f"a line is not what was logged: {line}")
    for board in dashboards():
        for panel in of_panels(board, "loki"):
            asked(loki, panel)


if __name__ == "__main__":
    main(*sys.argv[1:])
