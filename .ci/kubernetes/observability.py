"""Asserts what is relied upon of what watches the shop: that it is there and may do no more than it must, that each alert is
tested and explained, and that every query names a metric that a running program gives.

usage: observability.py OBSERVABILITY.yaml WITH_ALLOY.yaml
"""

import json
import pathlib
import re
import sys
import unittest

import yaml
from manifests import REPOSITORY, container, read
from queries import DASHBOARDS, GRAFANA, OBSERVABILITY, RULES, dashboards, listed, of_everything, of_panels, rules, selected, unknown

METRICS = pathlib.Path(__file__).parent / "metrics"
RUNBOOKS = "https://github.com/example/weir/blob/main/docs/runbooks"

manifests = []
# The same with Alloy in the place of Promtail.
with_alloy = []


def named(kind, name, among=None):
    among = manifests if among is None else among
    (found,) = (found for found in among if (found["kind"], found["metadata"]["name"]) == (kind, name))
    return found


def pods():
    return [found for found in manifests if found["kind"] in ("DaemonSet", "Deployment", "StatefulSet")]


def alloy():
    return named("DaemonSet", "alloy", with_alloy)


def config(file, folder=OBSERVABILITY):
    return yaml.safe_load((folder / file).read_text())


def jobs():
    return {job["job_name"]: job for job in config("prometheus.yml")["scrape_configs"]}


class Prometheus(unittest.TestCase):
    def test_it_is_as_asked_for(self):
        self.assertEqual(config("prometheus.yml")["global"], {"scrape_interval": "15s", "evaluation_interval": "15s"})
        self.assertLessEqual({"kubernetes-pods", "kubernetes-services", "prometheus"}, set(jobs()))
        pod = container(named("StatefulSet", "prometheus"))
        self.assertIn("--storage.tsdb.retention.time=30d", pod["args"])
        self.assertEqual(pod["resources"]["requests"], {"cpu": "100m", "memory": "256Mi"})
        self.assertEqual(pod["resources"]["limits"], {"cpu": "500m", "memory": "1Gi"})

    def test_it_judges_every_rule_that_there_is(self):
        pod = named("StatefulSet", "prometheus")
        (place,) = (mount["mountPath"] for mount in container(pod)["volumeMounts"] if mount["name"] == "rules")
        self.assertEqual(config("prometheus.yml")["rule_files"], [f"{place}/*.yml"])
        (mounted,) = (volume["configMap"]["name"] for volume in pod["spec"]["template"]["spec"]["volumes"] if volume["name"] == "rules")
        self.assertEqual(set(named("ConfigMap", mounted)["data"]), {file.name for file in RULES.glob("*.yml")})

    def test_every_pod_is_asked(self):
        apart = {"node-exporter", "kube-state-metrics", "prometheus"}
        self.assertLessEqual(apart, set(jobs()))
        for found in pods():
            name = found["metadata"]["name"]
            annotations = found["spec"]["template"]["metadata"].get("annotations", {})
            with self.subTest(name):
                self.assertNotEqual(annotations.get("prometheus.io/scrape") == "true", name in apart)
                if name not in apart:
                    # The port is the one that the policy opens.
                    opened = {str(port["containerPort"]) for port in container(found)["ports"] if port["name"] in ("http", "metrics")}
                    self.assertIn(annotations["prometheus.io/port"], opened)

    def test_of_machines_and_containers_it_keeps_what_is_looked_at(self):
        looked_at = {name for query in of_everything() for name, _ in selected(query)}
        for job, list_of in {"kubelet": "kubelet", "cadvisor": "cadvisor"}.items():
            (kept,) = (rule["regex"] for rule in jobs()[job]["metric_relabel_configs"] if rule["action"] == "keep")
            given = {name for name in listed(METRICS / f"{list_of}.txt")[1] if re.fullmatch(kept, name)}
            self.assertEqual(given, looked_at & set(listed(METRICS / f"{list_of}.txt")[1]), job)
            self.assertTrue(given)
        self.assertIn("nodes/metrics", named("ClusterRole", "prometheus")["rules"][0]["resources"])

    def test_kube_state_metrics_lists_what_is_looked_at_and_may_list_no_more(self):
        (argument,) = container(named("Deployment", "kube-state-metrics"))["args"]
        watched = set(argument.removeprefix("--resources=").split(","))
        role = named("ClusterRole", "kube-state-metrics")
        self.assertEqual({resource for rule in role["rules"] for resource in rule["resources"]}, watched)
        self.assertEqual({verb for rule in role["rules"] for verb in rule["verbs"]}, {"list", "watch"})
        looked_at = {name.split("_")[1] for query in of_everything() for name, _ in selected(query) if name.startswith("kube_")}
        self.assertLessEqual({f"{kind}s" for kind in looked_at}, watched)

    def test_the_lists_of_metrics_are_those_of_the_images(self):
        versions = dict(re.findall(r"^(\S+) \S+ (\S+)", (REPOSITORY / ".ci/exporters/versions").read_text(), re.M))
        for file in METRICS.glob("*.txt"):
            self.assertRegex(listed(file)[0], rf"^# \S+ {re.escape(versions[file.stem])}: ")
        images = {found["metadata"]["name"]: container(found)["image"].rpartition(":")[2] for found in pods()}
        for name in ("node-exporter", "postgres-exporter", "blackbox-exporter", "kube-state-metrics"):
            self.assertEqual(images[name], versions[name], name)


class Policies(unittest.TestCase):
    def test_nothing_is_allowed_that_is_not_named(self):
        policies = {found["metadata"]["name"]: found["spec"] for found in manifests if found["kind"] == "NetworkPolicy"}
        self.assertEqual(policies["default-deny"], {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]})
        there = {found["metadata"]["name"] for found in pods()}
        for name, spec in policies.items():
            chosen = spec["podSelector"].get("matchLabels", {}).get("app.kubernetes.io/name")
            self.assertIn(chosen, there | {None}, name)

    def test_who_asks_may_and_is_let_in(self):
        ways = {
            ("grafana", "prometheus", 9090), ("grafana", "loki", 3100), ("promtail", "loki", 3100),
        }  # fmt: skip
        specs = [found["spec"] for found in manifests if found["kind"] == "NetworkPolicy"]
        for client, server, port in ways:
            label = {"app.kubernetes.io/name": server}
            way = {"to": [{"podSelector": {"matchLabels": label}}], "ports": [{"port": port}]}
            of_client = [spec for spec in specs if spec["podSelector"] == {"matchLabels": {"app.kubernetes.io/name": client}}]
            self.assertTrue(any(way in spec.get("egress", []) for spec in of_client), f"{client} to {server}")
            of_server = [spec for spec in specs if spec["podSelector"] == {"matchLabels": label}]
            callers = str([rule["from"] for spec in of_server for rule in spec.get("ingress", [])])
            self.assertIn(f"'{client}'", callers, f"{server} from {client}")


class Secrets(unittest.TestCase):
    def test_each_that_is_read_is_in_the_example_and_no_other(self):
        example = yaml.safe_load_all((REPOSITORY / "k8s/base/secrets.yaml").read_text())
        given = {(found["metadata"]["name"], key) for found in example if found["metadata"]["namespace"] == "monitoring" for key in found["stringData"]}
        read_by_name = {
            (entry["valueFrom"]["secretKeyRef"]["name"], entry["valueFrom"]["secretKeyRef"]["key"])
            for found in pods() for entry in container(found).get("env", []) if "valueFrom" in entry
        }  # fmt: skip
        self.assertIn(("grafana-admin", "password"), read_by_name)
        as_files = {
            (volume["secret"]["secretName"], pathlib.PurePath(receiver["webhook_configs"][0]["url_file"]).name)
            for volume in named("StatefulSet", "alertmanager")["spec"]["template"]["spec"]["volumes"] if "secret" in volume
            for receiver in config("alertmanager.yml")["receivers"]
        }  # fmt: skip
        self.assertEqual(read_by_name | as_files, given)
        self.assertEqual([found for found in manifests if found["kind"] == "Secret"], [])


class Sources(unittest.TestCase):
    def test_grafana_asks_metrics_logs_and_traces(self):
        sources = {source["type"]: source["url"] for source in config("datasources.yaml", GRAFANA)["datasources"]}
        self.assertEqual(set(sources), {"prometheus", "loki", "tempo"})
        for name in ("prometheus", "loki"):
            (port,) = named("Service", name)["spec"]["ports"]
            self.assertEqual(sources[name], f"http://{name}:{port['port']}")
        component = yaml.safe_load_all((REPOSITORY / "k8s/components/tracing/tempo.yaml").read_text())
        (store,) = (found for found in component if found["kind"] == "Service")
        ports = {port["name"]: port["port"] for port in store["spec"]["ports"]}
        self.assertEqual(sources["tempo"], f"http://{store['metadata']['name']}.ecommerce:{ports['http']}")


class Hardened(unittest.TestCase):
    def test_every_pod_may_do_no_more_than_it_must(self):
        for found in [*pods(), alloy()]:
            name = found["metadata"]["name"]
            with self.subTest(name):
                self.assertEqual(found["metadata"]["namespace"], "monitoring")
                pod = found["spec"]["template"]["spec"]
                # The logs are root's.
                if name not in ("promtail", "alloy"):
                    self.assertIs(pod["securityContext"]["runAsNonRoot"], True)
                self.assertEqual(container(found)["securityContext"]["capabilities"], {"drop": ["ALL"]})
                self.assertIs(container(found)["securityContext"]["readOnlyRootFilesystem"], True)
                self.assertRegex(container(found)["image"], r":v?\d+\.\d+\.\d+$")
                self.assertIn("limits", container(found)["resources"])


def of_the_host(pod):
    return {volume["hostPath"]["path"] for volume in pod["volumes"] if "hostPath" in volume}


class Logs(unittest.TestCase):
    def test_they_outlive_pods_and_are_read_from_files_alone(self):
        kept = named("StatefulSet", "loki")
        self.assertEqual(kept["spec"]["replicas"], 1)
        self.assertEqual([claim["metadata"]["name"] for claim in kept["spec"]["volumeClaimTemplates"]], ["data"])
        self.assertEqual(container(kept)["readinessProbe"]["httpGet"]["path"], "/ready")
        self.assertEqual(config("loki.yml")["server"]["http_listen_port"], 3100)
        pod = named("DaemonSet", "promtail")["spec"]["template"]["spec"]
        self.assertIs(pod["automountServiceAccountToken"], False)
        self.assertEqual(of_the_host(pod), {"/var/log/pods", "/var/lib/promtail"})
        sent = config("promtail.yml")
        self.assertEqual([client["url"] for client in sent["clients"]], ["http://loki:3100/loki/api/v1/push"])
        self.assertEqual(sent["server"]["http_listen_port"], 3101)

    def test_alloy_takes_the_place_of_promtail_and_reads_and_sends_the_same(self):
        self.assertEqual([found["metadata"]["name"] for found in with_alloy if found["kind"] == "DaemonSet"], ["alloy", "node-exporter"])
        pod = alloy()["spec"]["template"]["spec"]
        self.assertIs(pod["automountServiceAccountToken"], False)
        self.assertEqual(of_the_host(pod), {"/var/log/pods", "/var/lib/alloy", "/var/lib/promtail"})
        policies = {found["metadata"]["name"]: str(found["spec"]) for found in with_alloy if found["kind"] == "NetworkPolicy"}
        self.assertNotIn("promtail", str(policies))
        for policy in ("alloy-to-loki", "loki-from-its-clients"):
            self.assertIn("'alloy'", policies[policy])
        text = (OBSERVABILITY / "alloy/config.alloy").read_text()
        promtail = config("promtail.yml")
        (scraped,) = promtail["scrape_configs"]
        labels = scraped["static_configs"][0]["labels"]
        _, regex, kept, dropped, match = scraped["pipeline_stages"]
        same = [promtail["clients"][0]["url"], labels["__path__"], regex["regex"]["expression"], promtail["positions"]["filename"]]
        same += [match["match"]["selector"].replace('"', '\\"'), *dropped["labeldrop"], labels["job"], *kept["labels"]]
        for value in same:
            self.assertIn(f'"{value}"', text)


class Alerts(unittest.TestCase):
    # What was asked for, and what tells of it.
    ASKED_FOR = {
        "watermark lag": "WatermarkLag", "consumer lag": "ConsumerLag", "no window for five minutes": "NoWindow", "orders late": "OrdersLate",
        "dead letters grow": "DeadLetters", "transactions fail": "TransactionsFailing", "Parquet fails": "ParquetFailing",
        "age of the outbox": "OutboxAge", "saga stuck": "SagaStuck", "refund failed": "RefundFailed", "p95": "SlowRequests",
        "error budget burns": "ErrorBudgetBurn", "restarts": "Restarts", "certificate": "CertificateExpires", "disk": "DiskFull",
    }  # fmt: skip

    def test_each_that_was_asked_for_is_there(self):
        self.assertLessEqual(set(self.ASKED_FOR.values()), {rule["alert"] for rule in rules("alerts.yml")})

    def test_each_has_a_runbook_and_a_test_of_each_kind(self):
        tested = {test["name"] for test in config("tests/alerts.yml", RULES)["tests"]}
        index = (REPOSITORY / "docs/runbooks/README.md").read_text()
        for alert in rules("alerts.yml"):
            name = alert["alert"]
            with self.subTest(name):
                self.assertEqual(alert["annotations"]["runbook"], f"docs/runbooks/{name}.md")
                self.assertTrue((REPOSITORY / alert["annotations"]["runbook"]).is_file())
                self.assertRegex(index, rf"\[{name}\].*\| {alert['labels']['severity']} \|")
                self.assertLessEqual({f"{name} fires", f"{name} stays quiet"}, tested)


class Queries(unittest.TestCase):
    def test_they_name_metrics_and_labels_that_there_are(self):
        for query in of_everything():
            self.assertTrue(selected(query), query)
        self.assertEqual(unknown(METRICS), [])


class Dashboards(unittest.TestCase):
    def test_there_are_five(self):
        boards = {board["uid"] for board in dashboards()}
        self.assertEqual(boards, {"cluster", "orders-dashboard", "kafka", "dataflow-job", "kubernetes"})
        shown = next(found for found in manifests if found["kind"] == "ConfigMap" and found["metadata"]["name"].startswith("grafana-dashboards-"))
        self.assertEqual(set(shown["data"]), {file.name for file in DASHBOARDS.glob("*.json")})

    def test_they_are_read_by_the_types_of_the_grafana_that_shows_them(self):
        read_by = json.loads((REPOSITORY / ".ci/grafana/package.json").read_text())["dependencies"]["@grafana/schema"]
        self.assertEqual(container(named("Deployment", "grafana"))["image"], f"grafana/grafana:{read_by}")

    def test_panels_do_not_lie_on_each_other(self):
        for board in dashboards():
            self.assertEqual(len({panel["id"] for panel in board["panels"]}), len(board["panels"]))
            taken = set()
            for panel in board["panels"]:
                at = panel["gridPos"]
                cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
                self.assertFalse(taken & cells, f"{board['title']}: {panel['title']}")
                self.assertLessEqual(at["x"] + at["w"], 24)
                taken |= cells

    def test_each_asks_sources_that_there_are_and_shows_logs(self):
        sources = {source["uid"]: source["type"] for source in config("datasources.yaml", GRAFANA)["datasources"]}
        for board in dashboards():
            for asked in board["panels"] + board["templating"]["list"]:
                self.assertEqual(sources[asked["datasource"]["uid"]], asked["datasource"]["type"], board["title"])
            self.assertIn("logs", {panel["type"] for panel in board["panels"]}, board["title"])
            for query in of_panels(board, "loki"):
                self.assertTrue(set(re.findall(r"(\w+)=~?\"", query)) <= {"namespace", "pod", "container", "level"}, query)

    def test_each_variable_is_used(self):
        for board in dashboards():
            text = str(board["panels"]) + str(board["templating"])
            for variable in board["templating"]["list"]:
                self.assertIn(f"${variable['name']}", text, board["title"])

    def test_a_panel_links_to_the_runbooks_of_its_alerts_and_no_alert_is_left_out(self):
        shown = set()
        for board in dashboards():
            for panel in board["panels"]:
                told = re.search(r"Alerts?: ([\w, ]+)\.", panel["description"])
                alerts = told.group(1).split(", ") if told else []
                links = [link["url"] for link in panel.get("links", [])]
                self.assertEqual(links, [f"{RUNBOOKS}/{alert}.md" for alert in alerts], f"{board['title']}: {panel['title']}")
                shown |= set(alerts)
        self.assertEqual(shown, {rule["alert"] for rule in rules("alerts.yml")})


if __name__ == "__main__":
    manifests, with_alloy = map(read, sys.argv[1:3])
    unittest.main(argv=sys.argv[:1])
