"""Asserts by amtool, Alertmanager's own program, that its settings can be read and that each alert comes to whom it is for.

usage: routes.py AMTOOL
"""

import re
import subprocess
import sys
import unittest

import yaml
from queries import OBSERVABILITY, rules

SETTINGS = OBSERVABILITY / "alertmanager.yml"
RECEIVERS = {"page": "pager", "ticket": "tickets"}
amtool = ""


def receivers_of(**labels):
    """Who is told of an alert with these labels."""
    arguments = [amtool, "config", "routes", "test", f"--config.file={SETTINGS}", *(f"{name}={value}" for name, value in labels.items())]
    return subprocess.run(arguments, check=True, capture_output=True, text=True).stdout.split()


class Routes(unittest.TestCase):
    def test_the_settings_can_be_read(self):
        subprocess.run([amtool, "check-config", SETTINGS], check=True, stdout=subprocess.DEVNULL)

    def test_each_alert_comes_to_whom_it_is_for(self):
        for alert in rules("alerts.yml"):
            severity = alert["labels"]["severity"]
            self.assertEqual(receivers_of(alertname=alert["alert"], severity=severity), [RECEIVERS[severity]], alert["alert"])

    def test_what_has_no_severity_wakes_nobody_and_is_not_lost(self):
        self.assertEqual(receivers_of(alertname="Unheard"), ["tickets"])
        self.assertEqual(receivers_of(alertname="Unheard", severity="unheard"), ["tickets"])


class Inhibitions(unittest.TestCase):
    def test_they_name_alerts_that_there_are(self):
        there = {alert["alert"]: alert["labels"]["severity"] for alert in rules("alerts.yml")}
        for rule in yaml.safe_load(SETTINGS.read_text())["inhibit_rules"]:
            named = " ".join(rule["source_matchers"]), " ".join(rule["target_matchers"])
            sources, targets = ({name for name in re.findall(r"[A-Z]\w+", text)} for text in named)
            self.assertTrue(sources and targets)
            self.assertLessEqual(sources | targets, set(there))
            # Else nobody would be woken by either.
            self.assertEqual({there[source] for source in sources}, {"page"})


if __name__ == "__main__":
    amtool = sys.argv.pop(1)
    unittest.main()
