"""Asserts what is relied upon of the manifests as kustomize renders them: the numbers that were asked for, that settings and
services agree, that nobody may do more than it must.

usage: check.py OBSERVABILITY.yaml ARGOCD_APPS.yaml OVERLAY=RENDERED.yaml +COMPONENT=RENDERED.yaml ...
"""

import json
import re
import sys
import unittest

import hcl2
import yaml
from manifests import REPOSITORY, container, kustomized, named, parsed, read
from settings import JOB_PREFIX, settings_of, settings_of_job

SERVICES = ["analytics", "api-gateway", "notification", "order", "payment", "product", "user"]
# What db.t3.micro allows beside RDS's own: 112 by its memory, of which RDS and the system take their part before it is divided.
CONNECTIONS = 80

rendered = {}
# The default overlay with one component each.
with_component = {}
observability = []
applications = []


def taint_of_spot_nodes():
    """Key and value of what keeps pods off the spot nodes of terraform/aws."""
    with (REPOSITORY / "terraform/aws/modules/eks/nodes.tf").open() as file:
        (spot,) = (group for found in hcl2.load(file)["resource"] for kind in found.values() for name, group in kind.items() if name.strip('"') == "spot")
    (taint,) = spot["taint"]
    return taint["key"].strip('"'), taint["value"].strip('"')


def objects(overlay, kind):
    return named(rendered[overlay], kind)


def workloads(overlay):
    return objects(overlay, "Deployment") | objects(overlay, "StatefulSet")


class AsAskedFor(unittest.TestCase):
    """Names, ports and sizes, to the digit."""

    PODS = {
        "api-gateway": ({"http": 8080, "metrics": 9090}, "100m", "128Mi", "500m", "512Mi", ("/health", 8080, 10), ("/health", 8080, 5)),
        "user-service": ({"grpc": 50051, "metrics": 9090}, "100m", "128Mi", "500m", "512Mi", (None, 50051, 15), (None, 50051, 10)),
        "product-service": (
            {"grpc": 50052, "http": 8001, "metrics": 9090}, "100m", "256Mi", "500m", "1Gi", ("/health", 8001, 15), ("/health", 8001, 10),
        ),
        "order-service": (
            {"grpc": 50053, "http": 8003, "metrics": 9090}, "200m", "256Mi", "800m", "1Gi", (None, 50053, 15), (None, 50053, 10),
        ),
        "payment-service": (
            {"grpc": 50054, "http": 8004, "metrics": 9090}, "200m", "256Mi", "800m", "1Gi", (None, 50054, 15), (None, 50054, 10),
        ),
    }

    def test_pods(self):
        for name, (ports, cpu, memory, most_cpu, most_memory, live, ready) in self.PODS.items():
            with self.subTest(name):
                workload = objects("default", "Deployment")[name]
                self.assertEqual(workload["spec"]["replicas"], 2)
                pod = container(workload)
                self.assertEqual({port["name"]: port["containerPort"] for port in pod["ports"]}, ports)
                self.assertEqual(pod["resources"]["requests"], {"cpu": cpu, "memory": memory})
                self.assertEqual(pod["resources"]["limits"], {"cpu": most_cpu, "memory": most_memory})
                for probe, (path, port, first), period, failures in [
                    (pod["livenessProbe"], live, 10, 3),
                    (pod["readinessProbe"], ready, 5, 2),
                ]:
                    asked = {"httpGet": {"path": path, "port": port}} if path else {"grpc": {"port": port}}
                    asked |= {"initialDelaySeconds": first, "periodSeconds": period, "failureThreshold": failures}
                    self.assertEqual(probe, asked)

    def test_autoscaling(self):
        scaled = objects("default", "HorizontalPodAutoscaler")
        bounds = {name: (found["spec"]["minReplicas"], found["spec"]["maxReplicas"]) for name, found in scaled.items()}
        asked = {"api-gateway": (1, 5), "user-service": (1, 3), "product-service": (2, 8), "order-service": (2, 10), "payment-service": (2, 8)}
        self.assertEqual(bounds, asked)

        def targets(name):
            resources = [metric["resource"] for metric in scaled[name]["spec"]["metrics"]]
            return {resource["name"]: resource["target"]["averageUtilization"] for resource in resources}

        self.assertEqual(targets("order-service"), {"cpu": 70, "memory": 80})
        self.assertEqual(targets("payment-service"), {"cpu": 70, "memory": 80})
        self.assertEqual(targets("product-service"), {"memory": 80})

        def behaviour(name, way):
            found = scaled[name]["spec"]["behavior"][way]
            policies = {policy["type"]: (policy["value"], policy["periodSeconds"]) for policy in found["policies"]}
            return found["stabilizationWindowSeconds"], policies

        self.assertEqual(behaviour("order-service", "scaleUp"), (0, {"Percent": (100, 30), "Pods": (2, 30)}))
        self.assertEqual(behaviour("order-service", "scaleDown"), (300, {"Percent": (50, 60)}))
        self.assertEqual(behaviour("payment-service", "scaleUp"), (30, {"Percent": (50, 30), "Pods": (1, 30)}))
        self.assertEqual(behaviour("payment-service", "scaleDown"), (300, {"Percent": (25, 60)}))

    def test_only_the_first_look_has_a_public_address(self):
        for overlay in rendered:
            public = [name for name, found in objects(overlay, "Service").items() if found["spec"].get("type", "ClusterIP") != "ClusterIP"]
            self.assertEqual(public, ["api-gateway"] if overlay == "default" else [], overlay)
            gateway = objects(overlay, "Service")["api-gateway"]
            self.assertIn({"name": "http", "port": 80, "targetPort": "http", "appProtocol": "http"}, gateway["spec"]["ports"])

    def test_the_public_load_balancer_tells_who_calls_and_shows_no_metrics(self):
        gateway = objects("default", "Service")["api-gateway"]
        self.assertEqual(objects("default", "ConfigMap")["ecommerce-config"]["data"]["TRUSTED_HOPS"], "1")
        # One of TCP appends nothing, and the gateway would believe what the client has written.
        self.assertEqual(gateway["metadata"]["annotations"], {"service.beta.kubernetes.io/aws-load-balancer-backend-protocol": "http"})
        self.assertEqual([port["name"] for port in gateway["spec"]["ports"]], ["http"])
        # Otherwise the controller claims it, and has no right to make one.
        self.assertIn("--set enableServiceMutatorWebhook=false", (REPOSITORY / "k8s/README.md").read_text())
        for overlay in ("staging", "production"):
            self.assertNotIn("annotations", objects(overlay, "Service")["api-gateway"]["metadata"], overlay)

    def test_the_load_balancer_s_target_group_holds_the_gateway_s_pods(self):
        for overlay in rendered:
            bound = objects(overlay, "TargetGroupBinding")
            self.assertEqual(list(bound), ["api-gateway"] if overlay == "production" else [], overlay)
        spec = objects("production", "TargetGroupBinding")["api-gateway"]["spec"]
        ports = objects("production", "Service")[spec["serviceRef"]["name"]]["spec"]["ports"]
        self.assertIn(spec["serviceRef"]["port"], [port["name"] for port in ports])
        group = (REPOSITORY / "terraform/aws/modules/alb/main.tf").read_text()
        self.assertRegex(group, r'"aws_lb_target_group" "gateway" \{(?:\s*#.*)*\s+name\s+= "\$\{var.name\}-gateway"[^}]*target_type\s+= "ip"')
        self.assertEqual((spec["targetGroupName"], spec["targetType"]), ("ecommerce-gateway", "ip"))

    def test_a_pod_that_a_load_balancer_calls_is_ready_once_it_is_called(self):
        gated, bound = set(), set()
        for name, manifests in [*rendered.items(), *with_component.items()]:
            labels = named(manifests, "Namespace")["ecommerce"]["metadata"]["labels"]
            if labels.get("elbv2.k8s.aws/pod-readiness-gate-inject") == "enabled":
                gated.add(name)
            if named(manifests, "TargetGroupBinding"):
                bound.add(name)
        # Elsewhere there may be no controller, which is asked before a pod of such a namespace is made.
        self.assertEqual((gated, bound), (bound, {"production", "notification-function"}))

    def test_one_job_that_starts_again_when_it_is_told_to(self):
        job = objects("default", "StatefulSet")["order-analytics"]
        self.assertEqual((job["spec"]["replicas"], job["spec"]["updateStrategy"]), (1, {"type": "OnDelete"}))
        self.assertTrue(objects("default", "Service")["order-analytics"]["spec"]["publishNotReadyAddresses"])


class Hardened(unittest.TestCase):
    """No pod may do more than it must."""

    def test_pods(self):
        for overlay in rendered:
            for name, workload in workloads(overlay).items():
                with self.subTest(f"{overlay}: {name}"):
                    self.assertEqual(workload["metadata"]["namespace"], "ecommerce")
                    pod = workload["spec"]["template"]["spec"]
                    self.assertIs(pod["enableServiceLinks"], False)
                    self.assertIs(pod["automountServiceAccountToken"], False)
                    self.assertEqual(pod["serviceAccountName"], name)
                    self.assertIs(pod["securityContext"]["runAsNonRoot"], True)
                    one = container(workload)
                    self.assertEqual(one["imagePullPolicy"], "IfNotPresent")
                    drained = int(one["lifecycle"]["preStop"]["exec"]["command"][1])
                    self.assertLess(drained + 10, pod["terminationGracePeriodSeconds"])
                    self.assertEqual(
                        one["securityContext"],
                        {"readOnlyRootFilesystem": True, "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                    )
                    annotations = workload["spec"]["template"]["metadata"]["annotations"]
                    self.assertEqual((annotations["prometheus.io/scrape"], annotations["prometheus.io/port"]), ("true", "9090"))

    def test_schemas_are_changed_before_anything_is_replaced(self):
        for overlay in set(rendered) - {"local"}:
            job = objects(overlay, "Job")["migrations"]
            self.assertEqual(job["metadata"]["annotations"]["argocd.argoproj.io/hook"], "PreSync", overlay)
            pod = job["spec"]["template"]["spec"]
            self.assertIs(pod["automountServiceAccountToken"], False)
            self.assertIs(pod["securityContext"]["runAsNonRoot"], True)
            with_a_database = {
                name: container(found)
                for name, found in workloads(overlay).items()
                if "DATABASE_URL" in {entry["name"] for entry in container(found)["env"]}
            }
            self.assertEqual({one["name"] for one in pod["containers"]}, set(with_a_database), overlay)
            for one in pod["containers"]:
                service = with_a_database[one["name"]]
                # The very program that will need the schema.
                self.assertEqual((one["image"], one["args"]), (service["image"], ["migrate"]))
                self.assertEqual(one["securityContext"], service["securityContext"])
                self.assertIn("limits", one["resources"])
        found = with_component["external-secrets"]
        waves = {kind: {int(one["metadata"]["annotations"]["argocd.argoproj.io/sync-wave"]) for one in named(found, kind).values()} for kind in ("ExternalSecret", "SecretStore", "Job")}
        self.assertEqual(waves, {"ExternalSecret": {-2}, "SecretStore": {-2}, "Job": {-1}})
        self.assertEqual(named(found, "Job")["migrations"]["metadata"]["annotations"]["argocd.argoproj.io/hook"], "Sync")

    def test_topics_are_made_by_one_job_before_those_who_use_them(self):
        for overlay in set(rendered) - {"local"}:
            config = objects(overlay, "ConfigMap")["ecommerce-config"]
            job, account = objects(overlay, "Job")["topics"], objects(overlay, "ServiceAccount")["topics"]
            wave = "argocd.argoproj.io/sync-wave"
            self.assertEqual([found["metadata"]["annotations"][wave] for found in (config, account, job)], ["-2", "-2", "-1"], overlay)
            pod = job["spec"]["template"]["spec"]
            self.assertEqual((pod["serviceAccountName"], pod["securityContext"]["runAsNonRoot"]), ("topics", True))
            (maker,) = pod["containers"]
            runner = container(workloads(overlay)["order-analytics"])
            self.assertEqual((maker["image"], maker["securityContext"]), (runner["image"], runner["securityContext"]))
            settings = {entry["name"]: entry for entry in runner["env"]}
            for entry in maker["env"]:
                self.assertEqual(entry, settings[entry["name"]], "the job runs with other topics")
            others = dict(arg.removeprefix("--with=").split("=") for arg in maker["args"] if arg.startswith("--with="))
            names = {config["data"][key] for key in ("KAFKA_NOTIFICATIONS_TOPIC", "KAFKA_NOTIFICATIONS_DLQ_TOPIC")}
            self.assertEqual(set(others), names)
            self.assertIn("--orders-retention=7d", maker["args"])

    def test_every_service_may_lose_one_pod_at_a_time(self):
        for overlay in rendered:
            budgets = objects(overlay, "PodDisruptionBudget")
            self.assertEqual(set(budgets), set(objects(overlay, "Deployment")), overlay)
            for budget in budgets.values():
                self.assertEqual(budget["spec"]["maxUnavailable"], 1)

    def test_no_secret_is_synced(self):
        for overlay in rendered:
            self.assertEqual(objects(overlay, "Secret"), {}, overlay)

    def test_nothing_is_allowed_that_is_not_named(self):
        for overlay in set(rendered) - {"local"}:
            policies = objects(overlay, "NetworkPolicy")
            self.assertEqual(policies["default-deny"]["spec"], {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]})

    def test_beside_msk_everybody_shows_an_aws_identity(self):
        for overlay in ("default", "staging", "production"):
            config = objects(overlay, "ConfigMap")["ecommerce-config"]["data"]
            self.assertEqual(config["KAFKA_AUTH"], "msk-iam", overlay)
            ports = {address.rsplit(":")[-1] for address in config["KAFKA_BOOTSTRAP_SERVERS"].split(",")}
            self.assertEqual(ports, {"9098"}, overlay)

    def test_a_new_password_of_the_database_reaches_who_runs(self):
        for overlay in rendered:
            for name, workload in workloads(overlay).items():
                given = {entry["name"]: entry for entry in container(workload)["env"]}
                if "DATABASE_URL" not in given:
                    continue
                with self.subTest(f"{overlay}: {name}"):
                    of = given["DATABASE_URL"]["valueFrom"]["secretKeyRef"]
                    (mount,) = (found for found in container(workload)["volumeMounts"] if found["name"] == "database")
                    # The kubelet never changes what is mounted by subPath.
                    self.assertNotIn("subPath", mount)
                    (secret,) = (found["secret"] for found in workload["spec"]["template"]["spec"]["volumes"] if found["name"] == "database")
                    self.assertEqual(secret["secretName"], of["name"])
                    (item,) = (found for found in secret["items"] if found["key"] == of["key"])
                    self.assertEqual(given["DATABASE_URL_FILE"]["value"], f"{mount['mountPath']}/{item['path']}")

    def test_connections_are_fewer_than_the_database_allows(self):
        most = {name: found["spec"]["maxReplicas"] for name, found in objects("default", "HorizontalPodAutoscaler").items()}
        pools = {}
        for name, workload in workloads("default").items():
            for entry in container(workload)["env"]:
                if entry["name"] == "DATABASE_POOL_SIZE":
                    pools[name] = int(entry["value"])
        self.assertEqual(set(pools), {"user-service", "product-service", "order-service", "payment-service"})
        at_most = sum(size * most[name] for name, size in pools.items())
        self.assertLessEqual(at_most, CONNECTIONS)
        # One that begins, and one that is told to end and does not count any more.
        for name in pools:
            rollout = objects("default", "Deployment")[name]["spec"]["strategy"]["rollingUpdate"]
            self.assertEqual(rollout, {"maxSurge": 1, "maxUnavailable": 0}, name)
        migrations = objects("default", "Job")["migrations"]["spec"]["template"]["spec"]["containers"]
        # The exporter has two kinds of collectors, each with a connection of its own.
        counted = [at_most, 2 * sum(pools.values()), len(migrations), 2]
        table = (REPOSITORY / "k8s/README.md").read_text().split("| of | connections |\n|---|---|\n")[1].split("\n\n")[0]
        self.assertEqual([int(number) for number in re.findall(r" (\d+) \|$", table, re.M)], counted)


class Settings(unittest.TestCase):
    """What is given is read, and what must be set is given."""

    def test_every_setting_is_one_of_its_service(self):
        for service in SERVICES:
            known = settings_of(service)
            self.assertGreater(len(known), 3, service)
            for overlay in rendered:
                name = service if service == "api-gateway" else f"{service}-service"
                given = {entry["name"] for entry in container(workloads(overlay)[name])["env"]}
                with self.subTest(f"{overlay}: {name}"):
                    self.assertLessEqual(given, set(known))
                    needed = {setting for setting, must in known.items() if must}
                    self.assertLessEqual(needed, given)

    def test_every_setting_of_the_job_is_one(self):
        known = settings_of_job()
        self.assertGreater(len(known), 10)
        for overlay in rendered:
            given = {entry["name"] for entry in container(workloads(overlay)["order-analytics"])["env"]}
            self.assertLessEqual(given, known, overlay)
            self.assertIn(f"{JOB_PREFIX}BOOTSTRAP_SERVERS", given)

    def test_every_key_is_there_and_used(self):
        example = yaml.safe_load_all((REPOSITORY / "k8s/base/secrets.yaml").read_text())
        own = [found for found in example if found["metadata"]["namespace"] == "ecommerce"]
        secrets = {(found["metadata"]["name"], key) for found in own for key in found["stringData"]}
        for overlay in rendered:
            config = set(objects(overlay, "ConfigMap")["ecommerce-config"]["data"])
            sources = [entry["valueFrom"] for found in workloads(overlay).values() for entry in container(found)["env"] if "valueFrom" in entry]
            read = {source["configMapKeyRef"]["key"] for source in sources if "configMapKeyRef" in source}
            shown = [source["secretKeyRef"] for source in sources if "secretKeyRef" in source]
            with self.subTest(overlay):
                self.assertEqual(read, config)
                self.assertEqual({(secret["name"], secret["key"]) for secret in shown}, secrets)

    def test_who_calls_a_service_may_reach_it(self):
        policies = objects("default", "NetworkPolicy")
        hosts = objects("default", "ConfigMap")["ecommerce-config"]["data"]
        called = {}
        for name, workload in workloads("default").items():
            for entry in container(workload)["env"]:
                if entry["name"].endswith("_SERVICE_HOST"):
                    service, port = hosts[entry["name"]].split(":")
                    called.setdefault(service, set()).add(name)
                    ways = policies[f"{name}-to-services"]["spec"]["egress"]
                    way = {"to": [{"podSelector": {"matchLabels": {"app.kubernetes.io/name": service}}}], "ports": [{"port": int(port)}]}
                    self.assertIn(way, ways)
        for service, callers in called.items():
            (rule,) = policies[f"{service}-from-its-callers"]["spec"]["ingress"]
            (selected,) = rule["from"][0]["podSelector"]["matchExpressions"]
            self.assertEqual(set(selected["values"]), callers, service)


class Components(unittest.TestCase):
    """Each changes what it says, and leaves the rest alone."""

    def test_all_are_looked_at(self):
        folders = {folder.parent.name for folder in (REPOSITORY / "k8s/components").glob("*/kustomization.yaml")}
        self.assertEqual(set(with_component), folders)
        self.assertLessEqual({"without-job", "spot", "kafka", "tracing", "linkerd", "istio", "google-storage", "external-secrets", "notification-function"}, folders)

    def services(self, component):
        found = named(with_component[component], "Deployment")
        self.assertLessEqual(set(objects("default", "Deployment")), set(found))
        return {name: found[name]["spec"]["template"] for name in objects("default", "Deployment")}

    def job(self, component):
        return named(with_component[component], "StatefulSet")["order-analytics"]

    def test_the_job_goes_as_a_whole(self):
        left = [found["kind"] for found in with_component["without-job"] if found["metadata"]["name"] == "order-analytics"]
        self.assertEqual(left, [])
        self.services("without-job")

    def test_either_the_function_or_the_service_tells_users(self):
        found = with_component["notification-function"]
        left = [one["kind"] for one in found if one["metadata"]["name"] == "notification-service"]
        self.assertEqual(left, [])
        binding = named(found, "TargetGroupBinding")["user-service"]["spec"]
        called = named(found, "Service")[binding["serviceRef"]["name"]]["spec"]
        self.assertIn(binding["serviceRef"]["port"], {port["name"] for port in called["ports"]})
        policy = named(found, "NetworkPolicy")["user-service-from-the-function"]["spec"]
        self.assertEqual(policy["podSelector"]["matchLabels"], called["selector"])
        self.assertEqual(policy["ingress"][0]["ports"], [{"port": binding["serviceRef"]["port"]}])

    def test_services_take_spot_nodes_and_the_job_does_not(self):
        key, value = taint_of_spot_nodes()
        for name, pod in self.services("spot").items():
            self.assertEqual(pod["spec"]["tolerations"], [{"key": key, "operator": "Equal", "value": value, "effect": "NoSchedule"}], name)
        self.assertEqual(self.job("spot"), objects("default", "StatefulSet")["order-analytics"])

    def test_kafka_here_is_the_one_that_everybody_speaks_to(self):
        (config,) = (found for name, found in named(with_component["kafka"], "ConfigMap").items() if name == "ecommerce-config")
        (port,) = named(with_component["kafka"], "Service")["kafka"]["spec"]["ports"]
        self.assertEqual(config["data"]["KAFKA_BOOTSTRAP_SERVERS"], f"kafka:{port['port']}")
        self.assertEqual(config["data"]["KAFKA_AUTH"], "properties")
        policies = named(with_component["kafka"], "NetworkPolicy")
        clients = policies["to-kafka"]["spec"]["podSelector"]
        self.assertEqual(policies["to-kafka-here"]["spec"]["podSelector"], clients)
        self.assertEqual(policies["kafka-from-its-clients"]["spec"]["ingress"][0]["from"], [{"podSelector": clients}])

    def test_every_program_sends_its_spans(self):
        pods = self.services("tracing") | {"order-analytics": self.job("tracing")["spec"]["template"]}
        for name, pod in pods.items():
            given = {entry["name"]: entry.get("value") for entry in pod["spec"]["containers"][0]["env"]}
            self.assertEqual(given["OTEL_EXPORTER_OTLP_ENDPOINT"], "http://otel-collector:4317", name)
        self.assertIn("otel-collector", named(with_component["tracing"], "Service"))

    def test_every_key_of_a_secret_that_a_pod_reads_comes_from_the_store(self):
        found = with_component["external-secrets"]
        self.assertEqual(list(named(found, "SecretStore")), ["aws"])
        given = set()
        for name, secret in named(found, "ExternalSecret").items():
            self.assertEqual((secret["spec"]["target"]["name"], secret["spec"]["secretStoreRef"]["name"]), (name, "aws"))
            keys = {entry["secretKey"] for entry in secret["spec"]["data"]}
            # A template makes its own keys of those.
            given |= {(name, key) for key in secret["spec"]["target"].get("template", {}).get("data", keys)}
        read = {
            (reference["name"], reference["key"])
            for workload in workloads("production").values()
            for entry in container(workload)["env"]
            if (reference := entry.get("valueFrom", {}).get("secretKeyRef"))
        }
        self.assertEqual(given, read)
        # Those that the role of External Secrets may read: RDS's, and what lies under the installation's name.
        remote = {entry["remoteRef"]["key"] for secret in named(found, "ExternalSecret").values() for entry in secret["spec"]["data"]}
        self.assertEqual([key for key in remote if not key.startswith("ecommerce/") and ":secret:rds!" not in key], [])

    def test_the_job_exchanges_its_token_for_google_s(self):
        pod = self.job("google-storage")["spec"]["template"]["spec"]
        (volume,) = (found["projected"]["sources"] for found in pod["volumes"] if found["name"] == "google")
        (mounted,) = (found["mountPath"] for found in container(self.job("google-storage"))["volumeMounts"] if found["name"] == "google")
        given = {entry["name"]: entry.get("value") for entry in container(self.job("google-storage"))["env"]}
        token, file = volume[0]["serviceAccountToken"], volume[1]["configMap"]["name"]
        config = named(with_component["google-storage"], "ConfigMap")
        (name, credentials), = config[file]["data"].items()
        credentials = json.loads(credentials)
        self.assertEqual(given["GOOGLE_APPLICATION_CREDENTIALS"], f"{mounted}/{name}")
        self.assertEqual(credentials["credential_source"]["file"], f"{mounted}/{token['path']}")
        self.assertEqual(token["audience"], f"https:{credentials['audience']}")
        # As terraform/gcp calls the pool, the provider and the job's account.
        self.assertTrue(credentials["audience"].endswith("/workloadIdentityPools/ecommerce-aws/providers/eks"))
        self.assertIn("/ecommerce-flink@", credentials["service_account_impersonation_url"])
        self.assertEqual(named(with_component["google-storage"], "Deployment"), objects("default", "Deployment"))

    def test_bigquery_looks_where_the_job_writes(self):
        (config,) = (found for name, found in named(with_component["google-storage"], "ConfigMap").items() if name == "ecommerce-config")
        # The job adds this folder itself.
        (table,) = re.findall(r'const TABLE: &str = "(.+)";', (REPOSITORY / "connectors/parquet/src/hour.rs").read_text())
        text = (REPOSITORY / "terraform/gcp/bigquery.tf").read_text()
        looked_at = re.findall(r'"gs://\$\{google_storage_bucket\.results\.name\}(/[^"]*?)/(?:\*|\{date)', text)
        self.assertEqual(len(looked_at), 2)
        for below in looked_at:
            self.assertRegex(f"{config['data']['PARQUET_URL']}/{table}", rf"^gs://ecommerce-analytics-results-[\w-]+{re.escape(below)}$")

    def test_meshes_are_of_every_service(self):
        for name, pod in self.services("linkerd").items():
            self.assertEqual(pod["metadata"]["annotations"]["linkerd.io/inject"], "enabled", name)
        for name, pod in self.services("istio").items():
            self.assertEqual(pod["metadata"]["labels"]["sidecar.istio.io/inject"], "true", name)


class Images(unittest.TestCase):
    """Every workload has an image that opens the ports that are asked."""

    def test_ports(self):
        stages = re.findall(r"^FROM runtime AS ([\w-]+)\n(.*?)(?=^FROM|\Z)", (REPOSITORY / "Dockerfile").read_text(), re.M | re.S)
        opened = {name: {int(port) for port in re.search(r"^EXPOSE (.*)$", body, re.M).group(1).split()} for name, body in stages}
        asked = {name: {port["containerPort"] for port in container(found)["ports"]} for name, found in workloads("default").items()}
        self.assertEqual(opened, asked)
        for name, found in workloads("default").items():
            self.assertRegex(container(found)["image"], rf"^[\w.-]+/ecommerce/{name}:\d")

    def test_the_user_is_the_one_of_the_image(self):
        uid = re.search(r"^USER (\d+):(\d+)$", (REPOSITORY / "Dockerfile").read_text(), re.M).groups()
        for found in workloads("default").values():
            context = found["spec"]["template"]["spec"]["securityContext"]
            self.assertEqual((str(context["runAsUser"]), str(context["runAsGroup"])), uid)


class Deployed(unittest.TestCase):
    """ArgoCD brings what is here, and no more."""

    def test_projects_allow_what_their_applications_hold(self):
        by_hand = [found for file in sorted((REPOSITORY / "k8s/argocd").glob("*.yaml")) for found in read(file)]
        projects = named(applications + by_hand, "AppProject")
        every = named(applications + by_hand, "Application")
        # Whichever overlay it is pointed at, with whichever components.
        shop = [found for manifests in [*rendered.values(), *with_component.values()] for found in manifests]
        held = {
            "ecommerce-services": shop,
            "ecommerce-observability": observability,
            "ecommerce-app-of-apps": parsed(kustomized(REPOSITORY / "k8s/argocd/apps")),
            "argocd-settings": parsed(kustomized(REPOSITORY / "k8s/argocd/install")),
        }
        self.assertEqual(set(held), set(every))
        for application, manifests in held.items():
            spec = every[application]["spec"]
            project = projects[spec["project"]]["spec"]
            allowed = project["clusterResourceWhitelist"] + project["namespaceResourceWhitelist"]
            for found in manifests:
                group = found["apiVersion"].rpartition("/")[0]
                self.assertIn({"group": group, "kind": found["kind"]}, allowed, application)
            self.assertIn(spec["source"]["repoURL"], project["sourceRepos"])
            self.assertEqual([to["namespace"] for to in project["destinations"]], [spec["destination"]["namespace"]])

    def test_who_deploys_does_so_by_argocd_which_knows_projects(self):
        install = REPOSITORY / "k8s/argocd/install"
        roles = {found["metadata"]["name"]: found["rules"] for found in read(install / "argocd-rbac.yaml") if found["kind"] == "ClusterRole"}
        self.assertEqual(set(roles), {"ecommerce-developer", "ecommerce-ops"})
        for name, rules in roles.items():
            for rule in rules:
                with self.subTest(f"{name}: {rule}"):
                    self.assertNotIn("*", rule["apiGroups"] + rule["resources"] + rule["verbs"])
                    # None of these is theirs: they would be more than they are by them.
                    self.assertFalse({"secrets", "serviceaccounts", "roles", "clusterroles", "rolebindings", "clusterrolebindings", "pods/exec"} & set(rule["resources"]))
                    if "argoproj.io" in rule["apiGroups"]:
                        self.assertLessEqual(set(rule["verbs"]), {"get", "list", "watch"})
        policy = named(read(install / "argocd-cm.yaml"), "ConfigMap")["argocd-rbac-cm"]["data"]
        self.assertEqual(policy["policy.default"], "")
        allowed = [[field.strip() for field in line.split(",")] for line in policy["policy.csv"].splitlines() if line.startswith("p,")]
        self.assertEqual({subject for _, subject, *_ in allowed}, {"role:developer", "role:ops"})
        for _, subject, resource, action, on, _ in allowed:
            if subject == "role:developer":
                self.assertEqual(on, "ecommerce/*", f"{resource} {action}")
            # A program in a pod, or what an application is, is nothing that operations change.
            elif resource in ("applications", "clusters", "logs"):
                self.assertIn(action.split("/")[0], {"get", "sync", "action"})

    def test_applications_sync_as_asked_for(self):
        for found in applications:
            if found["kind"] == "Application":
                policy = found["spec"]["syncPolicy"]
                self.assertEqual(policy["automated"], {"prune": True, "selfHeal": True})
                self.assertEqual(policy["retry"], {"limit": 5, "backoff": {"duration": "5s", "factor": 2, "maxDuration": "3m"}})
                self.assertEqual(policy["syncOptions"], ["CreateNamespace=true", "RespectIgnoreDifferences=true", "Validate=true"])


if __name__ == "__main__":
    observability, applications = map(read, sys.argv[1:3])
    for argument in sys.argv[3:]:
        name, file = argument.split("=")
        if name.startswith("+"):
            with_component[name[1:]] = read(file)
        else:
            rendered[name] = read(file)
    unittest.main(argv=sys.argv[:1])
