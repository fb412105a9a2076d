"""Asserts that scripts/overlay-settings writes all that Terraform knows into the overlays and components: of the example's accounts,
regions and addresses none is left in what kustomize renders then.

usage: overlay_settings.py
"""

import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

import yaml
from manifests import REPOSITORY, kustomized

PROGRAM = REPOSITORY / "scripts/overlay-settings"
PROGRAMS = re.findall(r"^FROM runtime AS ([\w-]+)$", (REPOSITORY / "Dockerfile").read_text(), re.M)
REGISTRY = "210987654321.dkr.ecr.eu-west-1.amazonaws.com"

AWS = {
    "kafka_bootstrap_servers": "b-1.shop.x.kafka.eu-west-1.amazonaws.com:9098,b-2.shop.x.kafka.eu-west-1.amazonaws.com:9098",
    "database_address": "shop-postgres.x.eu-west-1.rds.amazonaws.com",
    "database_secret_arn": "arn:aws:secretsmanager:eu-west-1:210987654321:secret:rds!db-1-2",
    "bucket_names": {what: f"shop-{what}-210987654321" for what in ("product-images", "order-documents", "analytics-results")},
    "table_names": {what: f"shop-{what}" for what in ("sessions", "carts", "notifications")},
    "notification_topic_arn": "arn:aws:sns:eu-west-1:210987654321:shop-notifications",
    "load_balancer": {
        "dns_name": "shop.eu-west-1.elb.amazonaws.com",
        "target_group_arn": "arn:aws:elasticloadbalancing:eu-west-1:210987654321:targetgroup/shop-gateway/0123",
    },
    "users_target_group": "shop-users",
    "vpc_cidr": "10.42.0.0/16",
    "repositories": {name: f"{REGISTRY}/shop/{name}" for name in PROGRAMS},
}
GOOGLE = {
    "results_url": "gs://shop-results-p-1",
    "federation_audience": "//iam.googleapis.com/projects/42/locations/global/workloadIdentityPools/shop/providers/eks",
    "job_account": "shop-job@p-1.iam.gserviceaccount.com",
}
# What the examples in the repository have in these places.
EXAMPLES = ["123456789012", "us-east-1", "my-project", "ecommerce-kafka.example", "ecommerce-postgres.example", "00000000-0000", "ecommerce-gateway", "ecommerce-users", "10.0.0.0/16"]


class OverlaySettings(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name) / "k8s"
        shutil.copytree(REPOSITORY / "k8s", self.folder)

    def write(self, outputs):
        text = json.dumps({name: {"sensitive": False, "type": "string", "value": value} for name, value in outputs.items()})
        return subprocess.run([PROGRAM, self.folder], input=text, capture_output=True, text=True)

    def written(self, *sets):
        for outputs in sets:
            done = self.write(outputs)
            self.assertEqual(done.returncode, 0, done.stderr)

    def render(self, overlay, *components):
        folder = self.folder / "overlays/rendered"
        folder.mkdir(exist_ok=True)
        settings = {"resources": [f"../{overlay}"], "components": [f"../../components/{name}" for name in components]}
        (folder / "kustomization.yaml").write_text(json.dumps({"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "namespace": "ecommerce"} | settings))
        return kustomized(folder)

    def test_nothing_of_the_examples_is_left(self):
        self.written(AWS, GOOGLE)
        for overlay in ("default", "staging", "production"):
            text = self.render(overlay, "external-secrets", "google-storage", "notification-function")
            for example in EXAMPLES:
                self.assertNotIn(example, text, overlay)

    def test_everything_stands_where_it_is_read(self):
        self.written(AWS)
        found = {(one["kind"], one["metadata"]["name"]): one for one in yaml.safe_load_all(self.render("production", "external-secrets"))}
        config = found["ConfigMap", "ecommerce-config"]["data"]
        expected = {
            "KAFKA_BOOTSTRAP_SERVERS": AWS["kafka_bootstrap_servers"],
            "SESSIONS_AND_CARTS_URL": "dynamodb://eu-west-1?prefix=shop-",
            "CLAIMS_URL": "dynamodb://eu-west-1?prefix=shop-",
            "IMAGES_URL": "s3://shop-product-images-210987654321",
            "DOCUMENTS_URL": "s3://shop-order-documents-210987654321",
            "PARQUET_URL": "s3://shop-analytics-results-210987654321",
            "SEND_TO": AWS["notification_topic_arn"],
        }
        self.assertEqual(expected, {key: config[key] for key in expected})
        self.assertEqual(found["TargetGroupBinding", "api-gateway"]["spec"]["targetGroupName"], "shop-gateway")
        store = found["SecretStore", "aws"]["spec"]["provider"]["aws"]
        self.assertEqual(store["region"], "eu-west-1")
        database = found["ExternalSecret", "db-credentials"]["spec"]
        self.assertEqual({one["remoteRef"]["key"] for one in database["data"]}, {AWS["database_secret_arn"]})
        self.assertIn(f"@{AWS['database_address']}:5432/", database["target"]["template"]["data"]["DATABASE_URL"])
        for (kind, name), one in found.items():
            if kind in ("Deployment", "StatefulSet"):
                (container,) = one["spec"]["template"]["spec"]["containers"]
                self.assertRegex(container["image"], rf"^{re.escape(REGISTRY)}/shop/{name}:\d")
        self.assertIn("targetGroupName: shop-users\n", self.render("production", "notification-function"))
        self.written(GOOGLE)
        text = self.render("production", "google-storage")
        for value in GOOGLE.values():
            self.assertIn(value, text)
        self.assertEqual(re.findall(r"PARQUET_URL: (.*)", text), [GOOGLE["results_url"]])

    def test_a_second_time_changes_nothing(self):
        self.written(AWS, GOOGLE)
        once = self.render("production", "external-secrets", "google-storage")
        self.written(AWS, GOOGLE)
        self.assertEqual(self.render("production", "external-secrets", "google-storage"), once)

    def test_tables_of_the_usual_names_need_no_word(self):
        self.written(AWS | {"table_names": {"carts": "ecommerce-carts"}})
        self.assertIn("CLAIMS_URL: dynamodb://eu-west-1\n", self.render("default"))

    def test_without_a_function_its_component_stays(self):
        self.written(AWS | {"users_target_group": None})
        self.assertIn("targetGroupName: ecommerce-users\n", self.render("production", "notification-function"))

    def test_what_is_missing_is_named_and_nothing_is_written(self):
        before = self.render("production", "external-secrets")
        for outputs, said in [
            ({name: value for name, value in AWS.items() if name != "bucket_names"}, "'bucket_names'"),
            (AWS | {"database_address": ""}, "components/external-secrets/secrets.yaml"),
            (AWS | {"repositories": {"another": "somewhere"}}, "no place for somewhere"),
            (GOOGLE | {"federation_audience": None}, "components/google-storage"),
        ]:
            done = self.write(outputs)
            self.assertEqual(done.returncode, 1)
            self.assertIn(said, done.stderr)
            self.assertEqual(self.render("production", "external-secrets"), before)

    def test_terraform_has_these_outputs(self):
        for root, outputs in {"aws": AWS, "gcp": GOOGLE}.items():
            names = re.findall(r'^output "(\w+)"', (REPOSITORY / f"terraform/{root}/outputs.tf").read_text(), re.M)
            self.assertLessEqual(set(outputs), set(names))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
