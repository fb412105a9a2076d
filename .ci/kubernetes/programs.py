"""Asserts that the manifests agree with the programs themselves: what a pod is given its program reads, with no more than that it
starts, it listens where the pod says and nowhere else, and its probes are answered. The programs stand on SQLite, on files and on a
development broker that makes no topic by itself, at other ports of this machine; the cloud's Jobs make schemas and topics before.
What alerts count is there from the start.

usage: programs.py FOLDER_OF_PROGRAMS
"""

import contextlib
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request

import grpc
from manifests import REPOSITORY, kustomized, named, parsed
from queries import counted, rules
from settings import JOB_PREFIX, settings_of, settings_of_job

sys.path.insert(0, str(REPOSITORY / ".ci"))
from free_ports import free_ports  # noqa: E402

JOB = "order-analytics"
# Which setting says where a port is opened.
ADDRESS_OF = {"grpc": "GRPC_ADDR", "http": "HTTP_ADDR", "metrics": "METRICS_ADDR"}
ADDRESS_OF_THE_JOB = {"metrics": f"{JOB_PREFIX}HTTP_ADDR"}
PROBES = ("startupProbe", "readinessProbe", "livenessProbe")
# Far beyond what a busy machine needs.
PATIENCE_S = 60
# SERVING, as grpc.health.v1.HealthCheckResponse.
SERVING = b"\x08\x01"

programs = pathlib.Path()


def render(overlay):
    return parsed(kustomized(REPOSITORY / "k8s/overlays" / overlay))


def pods(manifests):
    return {name: found["spec"]["template"]["spec"] for name, found in named(manifests, "Deployment", "StatefulSet").items()}


def jobs(manifests):
    """The containers of the Jobs, with the program that each runs."""
    containers = [container for found in named(manifests, "Job").values() for container in found["spec"]["template"]["spec"]["containers"]]
    return [(container["image"].split("/")[-1].split(":")[0], container) for container in containers]


def ports(pod):
    return {port["name"]: port["containerPort"] for port in pod["containers"][0]["ports"]}


def given(container):
    return {entry["name"]: entry for entry in container["env"]}


def said(*command, **environment):
    """What a program prints, which must be happy."""
    done = subprocess.run([programs / command[0], *command[1:]], capture_output=True, text=True, env=environment)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr}")
    return done.stdout


def known(name, *command):
    """The settings that a program says it reads, and what each is unless it is set."""
    if name == JOB:
        flags = re.findall(r"^ +(?:-\w, )?--([\w-]+)", said(name, *(command or ["run"]), "--help"), re.M)
        return {f"{JOB_PREFIX}{flag.upper().replace('-', '_')}": None for flag in flags if flag not in ("help", "version")}
    found = re.findall(r"\[env:\s+(\w+)=?\](?:\s+\[default:\s+([^\]]*)\])?", said(name, *command, "--help"))
    return {setting: default or None for setting, default in found}


def listens(process):
    """The ports at which a process listens."""
    sockets = set()
    for descriptor in pathlib.Path(f"/proc/{process.pid}/fd").iterdir():
        # It may be closed meanwhile.
        with contextlib.suppress(FileNotFoundError):
            sockets.update(re.findall(r"^socket:\[(\d+)\]$", str(descriptor.readlink())))
    found = set()
    for table in ("tcp", "tcp6"):
        for line in pathlib.Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in sockets:
                found.add(int(fields[1].split(":")[1], 16))
    return found


def fetch(port, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, ""


def series(metrics):
    """Each metric that a program gives, with the labels and the value of each of its series."""
    found = {}
    for name, labels, value in re.findall(r"^(\w+)(?:\{(.*)\})? (\S+)$", metrics, re.M):
        found.setdefault(name, []).append((set(re.findall(r'(\w+)="([^"]*)"', labels)), float(value)))
    return found


def is_well(probe, local):
    """Whether a probe is answered as Kubernetes wants it, at the port that stands for the pod's."""
    if "grpc" in probe:
        with grpc.insecure_channel(f"127.0.0.1:{local[probe['grpc']['port']]}") as channel:
            return channel.unary_unary("/grpc.health.v1.Health/Check")(b"", timeout=5) == SERVING
    status, _ = fetch(local[probe["httpGet"]["port"]], probe["httpGet"]["path"])
    return 200 <= status < 400


class Settings(unittest.TestCase):
    """By what each program says of itself."""

    def test_what_is_given_is_read(self):
        overlays = {folder.name: pods(render(folder.name)) for folder in sorted((REPOSITORY / "k8s/overlays").iterdir())}
        for name, pod in overlays["local"].items():
            reads = known(name)
            self.assertGreater(len(reads), 3, name)
            for overlay, others in overlays.items():
                with self.subTest(f"{overlay}: {name}"):
                    self.assertLessEqual(set(given(others[name]["containers"][0])), set(reads))
                    # With these it starts, as the other test says.
                    self.assertLessEqual(set(given(pod["containers"][0])), set(given(others[name]["containers"][0])))

        for name, container in jobs(render("default")):
            self.assertLessEqual(set(given(container)), set(known(name, container["args"][0])), name)

    def test_the_sources_are_read_rightly(self):
        """Checks that have no programs read the settings from the sources."""
        for name in pods(render("local")):
            if name == JOB:
                self.assertLessEqual(settings_of_job(), set(known(name)))
            else:
                self.assertEqual(set(settings_of(name.removesuffix("-service"))), set(known(name)))

    def test_the_job_takes_every_value(self):
        for overlay in ("default", "local"):
            manifests = render(overlay)
            config = named(manifests, "ConfigMap")["ecommerce-config"]["data"]
            values = {}
            for name, entry in given(pods(manifests)[JOB]["containers"][0]).items():
                values[name] = entry["value"] if "value" in entry else config[entry["valueFrom"]["configMapKeyRef"]["key"]]
            printed = said(JOB, "check-config", **values)
            for name, value in values.items():
                self.assertIn(f'{name.removeprefix(JOB_PREFIX).lower().replace("_", "-")} = "{value}"\n', printed, overlay)


class Started(unittest.TestCase):
    """All of them, started with what their pods are given."""

    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)
        self.manifests = render("local")
        self.pods = pods(self.manifests)
        wanted = [(name, port) for name, pod in self.pods.items() for port in ports(pod).values()]
        kafka, *local = free_ports(1 + len(wanted))
        self.local = dict(zip(wanted, local))
        self.kafka = f"127.0.0.1:{kafka}"
        key = subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519"], check=True, capture_output=True, text=True).stdout
        self.secrets = {"SIGNING_KEY": key, "REFRESH_SECRET": "r" * 32, "IDEMPOTENCY_SECRET": "i" * 32, "STRIPE_API_KEY": "sk_test_1", "STRIPE_WEBHOOK_SECRET": "whsec_1"}

    def start(self, name, *arguments, **environment):
        log = open(self.folder / f"{name}.log", "w+")
        self.addCleanup(log.close)
        process = subprocess.Popen([programs / name, *arguments], env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def until(self, name, process, what, holds):
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                if holds():
                    return
                seen = "another answer"
            except (OSError, grpc.RpcError) as error:
                seen = error
            late = time.monotonic() > deadline
            if late or process.poll() is not None:
                self.fail(f"{name}: {what}: {seen}, status {process.poll()}\n{(self.folder / f'{name}.log').read_text()[-3000:]}")
            time.sleep(0.05)

    def secret(self, name, reference):
        if reference["name"] == "service-tokens":
            return said("user-service", "issue-service-token", "--name", reference["key"], SIGNING_KEY=self.secrets["SIGNING_KEY"]).strip()
        if reference["key"] == "DATABASE_URL":
            return f"sqlite:{self.folder / name}.db"
        return self.secrets[reference["key"]]

    def environment(self, name, container):
        """What a container is given, with what stands here for servers, secrets and the pod's own files."""
        config = named(self.manifests, "ConfigMap")["ecommerce-config"]["data"]
        values = {}
        for setting, entry in given(container).items():
            source = entry.get("valueFrom", {})
            if "secretKeyRef" in source:
                values[setting] = self.secret(name, source["secretKeyRef"])
                continue
            value = config[source["configMapKeyRef"]["key"]] if source else entry["value"]
            if setting.endswith("_SERVICE_HOST"):
                host, port = value.split(":")
                value = f"127.0.0.1:{self.local[host, int(port)]}"
            elif setting.endswith("BOOTSTRAP_SERVERS"):
                value = self.kafka
            values[setting] = value.replace("/tmp/", f"{self.folder}/")
        return values

    def test_ports_and_probes(self):
        broker = self.start("dev-broker", "--listen", self.kafka, "--data-dir", str(self.folder / "kafka"))
        self.until("dev-broker", broker, "it listens", lambda: listens(broker))
        made = jobs(render("default"))
        self.assertGreater(len(made), 1)
        for name, container in made:
            said(name, *container["args"], **self.environment(name, container))
        running, given_by_all = {}, {}
        for name, pod in self.pods.items():
            environment, defaults = self.environment(name, pod["containers"][0]), known(name)
            for port, number in ports(pod).items():
                setting = (ADDRESS_OF_THE_JOB if name == JOB else ADDRESS_OF)[port]
                # In a pod the loopback is nobody else's.
                self.assertEqual(environment.get(setting) or defaults[setting], f"0.0.0.0:{number}", f"{name}: {port}")
                environment[setting] = f"127.0.0.1:{self.local[name, number]}"
            running[name] = self.start(name, *pod["containers"][0].get("args", []), **environment)
        for name, process in running.items():
            container = self.pods[name]["containers"][0]
            local = {port: at for (owner, port), at in self.local.items() if owner == name}
            for kind in PROBES:
                if kind in container:
                    self.until(name, process, kind, lambda: is_well(container[kind], local))
            self.assertEqual(listens(process), set(local.values()), f"{name} listens elsewhere than at {local}")
            annotations = named(self.manifests, "Deployment", "StatefulSet")[name]["spec"]["template"]["metadata"]["annotations"]
            status, metrics = fetch(local[int(annotations["prometheus.io/port"])], annotations["prometheus.io/path"])
            self.assertEqual((status, metrics.startswith("# HELP")), (200, True), name)
            for metric, found in series(metrics).items():
                given_by_all.setdefault(metric, []).extend(found)
        self.every_alert_sees_the_first_event(given_by_all)
        for process in running.values():
            process.send_signal(signal.SIGTERM)
        for name, process in running.items():
            pod = self.pods[name]
            left = pod["terminationGracePeriodSeconds"] - int(pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"][1])
            self.assertEqual(process.wait(timeout=left), 0, name)

    def every_alert_sees_the_first_event(self, metrics):
        """A series that comes with its first event stands at one at once, which is no increase."""
        for alert in rules("alerts.yml"):
            for name, chosen in counted(alert["expr"]):
                # Kubernetes' own are there with the pod.
                if not name.startswith("kube_"):
                    with self.subTest(f"{alert['alert']}: {name} {dict(chosen)}"):
                        values = {value for labels, value in metrics.get(name, []) if chosen <= labels}
                        self.assertEqual(values, {0}, "before anything has happened")
        config = named(self.manifests, "ConfigMap")["ecommerce-config"]["data"]
        with self.subTest("dead letters of each topic that is read"):
            topics = {dict(labels)["topic"] for labels, _ in metrics.get("notifications_dead_lettered_total", [])}
            self.assertEqual(topics, {config["KAFKA_ORDERS_TOPIC"], config["KAFKA_NOTIFICATIONS_TOPIC"]})

    def test_who_comes_in_finds_the_port_that_is_open_to_him(self):
        manifests = render("default")
        services, policies = named(manifests, "Service"), named(manifests, "NetworkPolicy")
        for name, pod in pods(manifests).items():
            for port in services[name]["spec"]["ports"] if name in services else []:
                self.assertIn(port["targetPort"], ports(pod), name)
        for name, policy in policies.items():
            chosen = policy["spec"]["podSelector"].get("matchLabels", {}).get("app.kubernetes.io/name")
            for rule in policy["spec"].get("ingress", []):
                if chosen:
                    self.assertLessEqual({port["port"] for port in rule["ports"]}, set(ports(pods(manifests)[chosen])), name)


if __name__ == "__main__":
    programs = pathlib.Path(sys.argv[1]).resolve()
    unittest.main(argv=sys.argv[:1])
