"""What an account has before Terraform comes: a certificate, the archive of the notification function, a role of operators, the secret of
a user of Kafka, a mailer's queue, a network in another region. Prints the variables of terraform/aws, as JSON, with all that is optional.

usage: before.py CERTIFICATE KEY      PEM files
"""

import base64
import hashlib
import io
import json
import pathlib
import sys
import zipfile

import boto3
from botocore.config import Config

PACKAGES = "packages"
ELSEWHERE = "us-west-2"


def package():
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("bootstrap", "#!/bin/sh\n")
    content = archive.getvalue()
    s3 = boto3.client("s3", config=Config(s3={"addressing_style": "path"}))
    s3.create_bucket(Bucket=PACKAGES)
    s3.put_object(Bucket=PACKAGES, Key="notification.zip", Body=content)
    return {
        "bucket": PACKAGES,
        "key": "notification.zip",
        "source_sha256": base64.b64encode(hashlib.sha256(content).digest()).decode(),
    }


def queue():
    sqs = boto3.client("sqs")
    url = sqs.create_queue(QueueName="mails")["QueueUrl"]
    return sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def network_elsewhere():
    ec2 = boto3.client("ec2", region_name=ELSEWHERE)
    subnets = ec2.describe_subnets()["Subnets"]
    group = ec2.create_security_group(GroupName="replica", Description="Nobody yet", VpcId=subnets[0]["VpcId"])
    return {"subnet_ids": [subnet["SubnetId"] for subnet in subnets], "security_group_ids": [group["GroupId"]]}


def main(certificate, key):
    acm = boto3.client("acm")
    imported = acm.import_certificate(Certificate=pathlib.Path(certificate).read_bytes(), PrivateKey=pathlib.Path(key).read_bytes())
    role = boto3.client("iam").create_role(RoleName="ops", AssumeRolePolicyDocument="{}")
    secret = boto3.client("secretsmanager").create_secret(Name="AmazonMSK_order-analytics", SecretString="{}")
    variables = {
        "environment": "staging",
        "certificate_arn": imported["CertificateArn"],
        "api_cidrs": ["203.0.113.0/24"],
        "admin_role_arns": {"ops": role["Role"]["Arn"]},
        "spot": {"instance_types": ["t3.medium", "t3a.medium"], "most": 5},
        "scram_secret_arns": [secret["ARN"]],
        "notification_package": package(),
        "mailers": {"queue": queue()},
        "alert_emails": ["ops@example.com", "lead@example.com"],
        "monthly_budget_usd": 500,
        "backup_region": ELSEWHERE,
        "db_password": "a-password-of-the-test",
        "db_password_version": 1,
        "db_replica": network_elsewhere(),
        "gcp_cidrs": {"machines": "10.20.0.0/20", "pods": "10.24.0.0/16"},
        "gcp_vpn": {"addresses": ["198.51.100.1", "198.51.100.2"]},
        # So that it can be destroyed.
        "deletion_protection": False,
    }
    json.dump(variables, sys.stdout, indent=2)


if __name__ == "__main__":
    main(*sys.argv[1:])
