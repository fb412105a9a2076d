"""Asserts what is relied upon of docker-compose.yml: where things are reached, what they may use, and that every setting is
one that its program reads."""

import pathlib
import re
import sys
import unittest

import yaml

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / ".ci/kubernetes"))
from queries import OBSERVABILITY, RULES  # noqa: E402
from settings import JOB_PREFIX, settings_of, settings_of_job  # noqa: E402

COMPOSE = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]
PROMETHEUS = yaml.safe_load((REPOSITORY / "compose/prometheus.yml").read_text())
# What runs to its end.
ERRANDS = {"keys", "topics", "tables-and-buckets"}
PROGRAMS = re.findall(r"^FROM runtime AS ([\w-]+)$", (REPOSITORY / "Dockerfile").read_text(), re.M)
# Read by the AWS libraries and by bash, not by our own code.
OF_LIBRARIES = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_ENDPOINT", "AWS_ALLOW_HTTP"}


def mebibytes(service):
    amount, unit = re.fullmatch(r"(\d+)([mg])", service["mem_limit"]).groups()
    return int(amount) * {"m": 1, "g": 1024}[unit]


def mounted_from_here(service):
    """What of this repository a container sees, by where it sees it."""
    mounts = (volume.split(":") for volume in service.get("volumes", []) if volume.startswith("./"))
    return {target: source for source, target, *_ in mounts}


class Compose(unittest.TestCase):
    def test_where_things_are(self):
        ports = {port for service in SERVICES.values() for port in service.get("ports", [])}
        for port in ports:
            self.assertTrue(port.startswith("127.0.0.1:"), port)
        published = {int(port.split(":")[1]) for port in ports}
        self.assertLessEqual({8080, 8888, 9090, 3000, 3100, 3101}, published)
        self.assertEqual(len(published), sum(len(service.get("ports", [])) for service in SERVICES.values()))

    def test_nobody_is_given_the_engine(self):
        for name, service in SERVICES.items():
            self.assertNotIn("docker.sock", str(service), name)
            self.assertNotIn("privileged", service, name)

    def test_what_runs_is_asked_how_it_is_and_bounded(self):
        for name, service in SERVICES.items():
            self.assertIn("mem_limit", service, name)
            self.assertEqual("healthcheck" in service, name not in ERRANDS, name)

    def test_it_fits_into_what_is_said_of_it(self):
        said = (REPOSITORY / "docker-compose.yml").read_text().split("\nname:")[0]
        full, light = (int(amount) * 1024 for amount in re.findall(r"(\d+) GB", said))
        for profile, room in {"full": full, "light": light}.items():
            running = [service for name, service in SERVICES.items() if profile in service["profiles"] and name not in ERRANDS]
            self.assertLessEqual(sum(map(mebibytes, running)), room, profile)

    def test_light_is_whole(self):
        for name, service in SERVICES.items():
            for needed in service.get("depends_on", {}):
                for profile in service["profiles"]:
                    self.assertIn(profile, SERVICES[needed]["profiles"], f"{name} needs {needed}")
        self.assertEqual((REPOSITORY / ".env").read_text().splitlines()[-1], "COMPOSE_PROFILES=full")

    def test_every_program_is_there_with_its_settings(self):
        self.assertLessEqual(set(PROGRAMS), set(SERVICES))
        for name in PROGRAMS:
            service = SERVICES[name]
            self.assertEqual(service["build"]["target"], name)
            given = set(service.get("environment", {})) - OF_LIBRARIES
            with self.subTest(name):
                if name == "order-analytics":
                    self.assertLessEqual(given, settings_of_job())
                    self.assertIn(f"{JOB_PREFIX}BOOTSTRAP_SERVERS", given)
                    continue
                known = settings_of(name.removesuffix("-service"))
                self.assertLessEqual(given, set(known))
                needed = {setting for setting, must in known.items() if must}
                # Its entry point has the token from a file.
                self.assertLessEqual(needed - {"SERVICE_TOKEN"}, given)

    def test_what_is_mounted_from_here_is_here(self):
        # The engine would make an empty folder of it.
        for name, service in SERVICES.items():
            for source in mounted_from_here(service).values():
                self.assertTrue((REPOSITORY / source).exists(), f"{name}: {source}")

    def test_prometheus_judges_the_rules_of_the_cluster(self):
        there = yaml.safe_load((OBSERVABILITY / "prometheus.yml").read_text())["rule_files"]
        self.assertEqual(PROMETHEUS["rule_files"], there)
        (folder,) = (str(pathlib.PurePath(pattern).parent) for pattern in there)
        self.assertEqual(REPOSITORY / mounted_from_here(SERVICES["prometheus"])[folder], RULES)

    def test_who_is_scraped_is_there(self):
        jobs = PROMETHEUS["scrape_configs"]
        hosts = {job["job_name"]: {target.split(":")[0] for target in job["static_configs"][0]["targets"]} for job in jobs}
        exporters = {name for name in SERVICES if name.endswith("-exporter")}
        self.assertEqual((hosts["weir"], hosts["exporters"]), (set(PROGRAMS), exporters))
        self.assertEqual(exporters, {"kafka-exporter", "postgres-exporter"})
        for name in exporters:
            self.assertEqual(SERVICES[name]["profiles"], ["full"])

    def test_what_watches_is_of_the_version_that_watches_in_the_cluster(self):
        manifests = "\n".join(file.read_text() for file in OBSERVABILITY.glob("*.yaml"))
        watchers = [name for name in SERVICES if f"  name: {name}\n" in manifests]
        self.assertLessEqual({"prometheus", "grafana", "loki", "kafka-exporter", "postgres-exporter"}, set(watchers))
        for name in watchers:
            self.assertRegex(manifests, rf"image: (docker\.io/)?{re.escape(SERVICES[name]['image'])}\n", name)

    def test_tables_are_those_of_the_cloud(self):
        script = (REPOSITORY / "compose/tables-and-buckets.sh").read_text()
        made = {(name, *keys.split()) for name, keys in re.findall(r"^make_table ecommerce-(\w+) (.*)$", script, re.M)}
        source = (REPOSITORY / "terraform/aws/modules/dynamodb/main.tf").read_text()
        cloud = set()
        for name, hash_key, range_key in re.findall(r'(\w+)\s*= \{ hash = "(\w+)", range = (null|"\w+") \}', source):
            cloud.add((name, hash_key) if range_key == "null" else (name, hash_key, range_key.strip('"')))
        self.assertEqual(made, cloud)


if __name__ == "__main__":
    unittest.main()
