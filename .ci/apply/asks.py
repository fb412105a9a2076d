"""Asks the cloud itself, not Terraform's state, whether what matters is there; or, after a destroy, whether anything is left.

usage: asks.py made VARIABLES     the file that before.py printed
       asks.py gone
"""

import json
import pathlib
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

ACCOUNT = "123456789012"
TAGS = {"Environment": "staging", "Project": "ecommerce", "ManagedBy": "terraform"}
EVERYBODY = "0.0.0.0/0"
DATABASE_PARAMETERS = {"rds.force_ssl": "1", "log_min_duration_statement": "1000"}

differing = []
asked = 0


def expect(what, found, wanted):
    global asked
    asked += 1
    if found != wanted:
        differing.append(f"{what}: {found!r} instead of {wanted!r}")


def client(service, **settings):
    return boto3.client(service, config=Config(s3={"addressing_style": "path"}), **settings)


def named(tagged):
    return {tag["Key"]: tag["Value"] for tag in tagged}.get("Name")


def has_tags(what, tagged):
    tags = {tag["Key"]: tag["Value"] for tag in tagged}
    expect(f"tags of {what}", {key: tags.get(key) for key in TAGS}, TAGS)


def only_by_tls(what, policy):
    refusals = [
        (statement["Effect"], statement["Principal"], statement["Condition"])
        for statement in json.loads(policy)["Statement"]
        if statement["Sid"] == "OnlyByTls"
    ]
    expect(f"what the policy of {what} refuses", refusals, [("Deny", "*", {"Bool": {"aws:SecureTransport": "false"}})])


def buckets():
    s3 = client("s3")
    versioned = {"product-images": "Enabled", "order-documents": "Enabled", "analytics-results": "Suspended"}
    for purpose, versions in versioned.items():
        bucket = f"ecommerce-{purpose}-{ACCOUNT}"
        only_by_tls(bucket, s3.get_bucket_policy(Bucket=bucket)["Policy"])
        rule = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"][0]
        expect(f"encryption of {bucket}", rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"], "AES256")
        block = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
        expect(f"what {bucket} blocks", block, dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True))
        expect(f"versions of {bucket}", s3.get_bucket_versioning(Bucket=bucket).get("Status"), versions)
        lifecycle = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
        wanted = {"unfinished-uploads"} | ({"old-versions"} if versions == "Enabled" else set())
        expect(f"what {bucket} forgets", {rule["ID"] for rule in lifecycle if rule["Status"] == "Enabled"}, wanted)
        has_tags(bucket, s3.get_bucket_tagging(Bucket=bucket)["TagSet"])


def tables():
    dynamodb = client("dynamodb")
    keys = {"sessions": ["session_id"], "carts": ["user_id", "product_id"], "notifications": ["event_id", "recipient"]}
    expect("tables", sorted(dynamodb.list_tables()["TableNames"]), sorted(f"ecommerce-{purpose}" for purpose in keys))
    for purpose, wanted in keys.items():
        name = f"ecommerce-{purpose}"
        table = dynamodb.describe_table(TableName=name)["Table"]
        types = dict(zip(wanted, ("HASH", "RANGE")))
        expect(f"key of {name}", {key["AttributeName"]: key["KeyType"] for key in table["KeySchema"]}, types)
        expect(f"what {name} costs by", table["BillingModeSummary"]["BillingMode"], "PAY_PER_REQUEST")
        expect(f"encryption of {name}", table["SSEDescription"]["Status"], "ENABLED")
        forgets = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
        expect(f"what {name} forgets by", forgets, {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires_at"})
        backups = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
        expect(f"backups of {name}", backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"], "ENABLED")
        has_tags(name, dynamodb.list_tags_of_resource(ResourceArn=table["TableArn"])["Tags"])


def shops_vpc(ec2):
    [vpc] = ec2.describe_vpcs(Filters=[{"Name": "tag:Name", "Values": ["ecommerce-vpc"]}])["Vpcs"]
    return vpc


def network():
    ec2 = client("ec2")
    vpc = shops_vpc(ec2)
    expect("addresses of the VPC", vpc["CidrBlock"], "10.0.0.0/16")
    has_tags("the VPC", vpc["Tags"])
    within = [{"Name": "vpc-id", "Values": [vpc["VpcId"]]}]
    zones = ["us-east-1a", "us-east-1b", "us-east-1c"]
    subnets = ec2.describe_subnets(Filters=within)["Subnets"]
    for kind, first in {"public": 1, "private": 11}.items():
        found = {one["AvailabilityZone"]: one["CidrBlock"] for one in subnets if named(one["Tags"]).startswith(f"ecommerce-{kind}-")}
        expect(f"{kind} subnets", found, {zone: f"10.0.{first + at}.0/24" for at, zone in enumerate(zones)})
    expect("subnets", len(subnets), 6)
    expect("subnets that give public addresses", [one["SubnetId"] for one in subnets if one["MapPublicIpOnLaunch"]], [])

    # Each private subnet goes out by the gateway of its own zone, a public one by the internet gateway.
    zone_of = {one["SubnetId"]: one["AvailabilityZone"] for one in subnets}
    names = {one["SubnetId"]: named(one["Tags"]) for one in subnets}
    gateways = {gateway["NatGatewayId"]: zone_of[gateway["SubnetId"]] for gateway in ec2.describe_nat_gateways(Filter=within)["NatGateways"]}
    ways = {}
    for table in ec2.describe_route_tables(Filters=within)["RouteTables"]:
        [out] = [route for route in table["Routes"] if route.get("DestinationCidrBlock") == EVERYBODY] or [{}]
        way = gateways.get(out.get("NatGatewayId"), out.get("GatewayId", "nowhere")[:3])
        ways |= {names[one["SubnetId"]]: way for one in table["Associations"] if "SubnetId" in one}
    wanted = {f"ecommerce-public-{zone}": "igw" for zone in zones} | {f"ecommerce-private-{zone}": zone for zone in zones}
    expect("ways out", ways, wanted)

    endpoints = ec2.describe_vpc_endpoints(Filters=within)["VpcEndpoints"]
    found = {(one["ServiceName"], one["VpcEndpointType"]) for one in endpoints}
    expect("endpoints", found, {(f"com.amazonaws.us-east-1.{service}", "Gateway") for service in ("s3", "dynamodb")})
    [log] = ec2.describe_flow_logs(Filter=[{"Name": "resource-id", "Values": [vpc["VpcId"]]}])["FlowLogs"]
    expect("connections that are logged", log["TrafficType"], "ALL")


def who_may_connect():
    """Of all security groups: from outside to the load balancer alone, and to the database from the nodes alone."""
    ec2 = client("ec2")
    groups = ec2.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [shops_vpc(ec2)["VpcId"]]}])["SecurityGroups"]
    names = {group["GroupId"]: group["GroupName"] for group in groups}
    by_addresses, by_groups = set(), set()
    for group in groups:
        for rule in group["IpPermissions"]:
            port = rule.get("FromPort")
            by_addresses |= {(group["GroupName"], port, addresses["CidrIp"]) for addresses in rule["IpRanges"]}
            by_groups |= {(group["GroupName"], port, names[pair["GroupId"]]) for pair in rule["UserIdGroupPairs"]}
    kafka = {("ecommerce-kafka", port, cidr) for port in (9096, 9098) for cidr in ("10.20.0.0/20", "10.24.0.0/16")}
    expect("connections by addresses", by_addresses, kafka | {("ecommerce-alb", port, EVERYBODY) for port in (80, 443)})
    expect(
        "connections by groups",
        by_groups,
        {
            ("ecommerce-postgres", 5432, "stand-in-nodes"),
            ("stand-in-nodes", 8080, "ecommerce-alb"),
            ("stand-in-nodes", 50051, "ecommerce-notification-users"),
            ("ecommerce-notification-users", 50051, "ecommerce-notification"),
        }
        | {("ecommerce-kafka", port, who) for port in (9096, 9098) for who in ("stand-in-nodes", "ecommerce-notification")}
        # The pollers of the function's mappings are in the brokers' group.
        | {("ecommerce-kafka", 9098, "ecommerce-kafka")},
    )
    [closed] = [group for group in groups if group["GroupName"] == "default"]
    expect("what the default group lets through", closed["IpPermissions"] + closed["IpPermissionsEgress"], [])


def notifications(variables):
    sns, sqs, functions = client("sns"), client("sqs"), client("lambda")
    topic = f"arn:aws:sns:us-east-1:{ACCOUNT}:ecommerce-notifications"
    attributes = sns.get_topic_attributes(TopicArn=topic)["Attributes"]
    expect("key of the topic", attributes["KmsMasterKeyId"], "alias/aws/sns")
    only_by_tls("the topic", attributes["Policy"])
    subscriptions = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    expect("subscriptions", {(one["Protocol"], one["Endpoint"]) for one in subscriptions}, {("sqs", variables["mailers"]["queue"])})

    queue = sqs.get_queue_attributes(QueueUrl=sqs.get_queue_url(QueueName="ecommerce-notification-failed")["QueueUrl"], AttributeNames=["All"])["Attributes"]
    expect("key of the queue", queue["KmsMasterKeyId"], "alias/aws/sqs")
    expect("days in the queue", int(queue["MessageRetentionPeriod"]) // 86400, 14)

    function = functions.get_function_configuration(FunctionName="ecommerce-notification")
    expect("archive of the function", function["CodeSha256"], variables["notification_package"]["source_sha256"])
    expect("runtime of the function", function["Runtime"], "provided.al2023")
    settings = function["Environment"]["Variables"]
    expect("where the function sends to", settings["SEND_TO"], topic)
    expect("the secret of the function", settings["SERVICE_TOKEN_SECRET"], "ecommerce/service-tokens")
    [users] = client("elbv2").describe_load_balancers(Names=["ecommerce-users"])["LoadBalancers"]
    expect("whom the function asks for users", settings["USER_SERVICE_HOST"], f"{users['DNSName']}:50051")
    expect("who reaches that load balancer", users["Scheme"], "internal")


def load_balancer(variables):
    balancers = client("elbv2")
    [balancer] = balancers.describe_load_balancers(Names=["ecommerce-alb"])["LoadBalancers"]
    [group] = balancers.describe_target_groups(Names=["ecommerce-gateway"])["TargetGroups"]
    expect("what the load balancer asks pods", (group["TargetType"], group["Port"], group["HealthCheckPath"]), ("ip", 8080, "/ready"))
    listeners = {one["Port"]: one for one in balancers.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]}
    expect("ports of the load balancer", sorted(listeners), [80, 443])
    [plain] = listeners[80]["DefaultActions"]
    expect("what port 80 does", (plain["Type"], plain.get("RedirectConfig", {}).get("Protocol")), ("redirect", "HTTPS"))
    [secure] = listeners[443]["DefaultActions"]
    expect("what port 443 does", (secure["Type"], secure.get("TargetGroupArn")), ("forward", group["TargetGroupArn"]))
    expect("certificate", [one["CertificateArn"] for one in listeners[443]["Certificates"]], [variables["certificate_arn"]])


def parameters(rds, group):
    found = rds.describe_db_parameters(DBParameterGroupName=group["DBParameterGroupName"])["Parameters"]
    return {parameter["ParameterName"]: parameter["ParameterValue"] for parameter in found}


def database():
    rds = client("rds")
    [one] = rds.describe_db_instances(DBInstanceIdentifier="ecommerce-postgres")["DBInstances"]
    expect("database", (one["Engine"], one["DBInstanceClass"], one["AllocatedStorage"]), ("postgres", "db.t3.micro", 20))
    expect("encryption of the database", one["StorageEncrypted"], True)
    expect("whether the database is public", one["PubliclyAccessible"], False)
    expect("days of backups", one["BackupRetentionPeriod"], 30)
    subnets = {subnet["SubnetIdentifier"] for subnet in one["DBSubnetGroup"]["Subnets"]}
    found = client("ec2").describe_subnets(SubnetIds=sorted(subnets))["Subnets"]
    expect("subnets of the database", {named(subnet["Tags"])[:-1] for subnet in found}, {"ecommerce-private-us-east-1"})
    [group] = one["DBParameterGroups"]
    expect("parameters of the database", parameters(rds, group), DATABASE_PARAMETERS)


def database_elsewhere(variables):
    rds = client("rds", region_name="us-west-2")
    [group] = rds.describe_db_subnet_groups(DBSubnetGroupName="ecommerce-postgres-replica")["DBSubnetGroups"]
    subnets = {subnet["SubnetIdentifier"] for subnet in group["Subnets"]}
    expect("subnets of the replica", subnets, set(variables["db_replica"]["subnet_ids"]))
    [group] = [one for one in rds.describe_db_parameter_groups()["DBParameterGroups"] if "replica" in one["DBParameterGroupName"]]
    expect("parameters of the replica", parameters(rds, group), DATABASE_PARAMETERS)
    for region in ("us-east-1", "us-west-2"):
        secret = client("secretsmanager", region_name=region).get_secret_value(SecretId="ecommerce/postgres")["SecretString"]
        expect(f"password in {region}", json.loads(secret), {"username": "ecommerce", "password": variables["db_password"]})
    state = pathlib.Path("terraform.tfstate").read_text()
    expect("whether the password is in the state", variables["db_password"] in state, False)


def cluster():
    eks = client("eks")
    one = eks.describe_cluster(name="ecommerce-eks")["cluster"]
    expect("version of Kubernetes", one["version"], "1.35")
    network = one["resourcesVpcConfig"]
    expect("who reaches the API", (network["endpointPrivateAccess"], network["publicAccessCidrs"]), (True, ["203.0.113.0/24"]))
    expect("what is encrypted in the cluster", [config["resources"] for config in one["encryptionConfig"]], [["secrets"]])
    expect("security group by EKS (once moto makes one, .ci/apply/stand-ins/modules/eks is to go)", network.get("clusterSecurityGroupId"), None)
    nodes = eks.describe_nodegroup(clusterName="ecommerce-eks", nodegroupName="primary")["nodegroup"]
    expect("nodes", (nodes["scalingConfig"]["minSize"], nodes["scalingConfig"]["maxSize"], nodes["instanceTypes"]), (3, 10, ["t3.medium"]))
    spot = eks.describe_nodegroup(clusterName="ecommerce-eks", nodegroupName="spot")["nodegroup"]
    expect("spot nodes", (spot["capacityType"], spot["scalingConfig"]["minSize"], spot["scalingConfig"]["maxSize"]), ("SPOT", 0, 5))
    expect("who is kept off spot nodes", spot["taints"], [{"key": "spot", "value": "true", "effect": "NO_SCHEDULE"}])
    template = client("ec2").describe_launch_template_versions(LaunchTemplateId=nodes["launchTemplate"]["id"])["LaunchTemplateVersions"][0]
    options = template["LaunchTemplateData"]["MetadataOptions"]
    expect("how pods reach the credentials of nodes", (options["HttpTokens"], options["HttpPutResponseHopLimit"]), ("required", 1))


def roles():
    """A service reaches its own tables and buckets, and the load-balancer controller the groups that pods enter."""
    iam = client("iam")

    def reaches(account, service):
        policy = iam.get_role_policy(RoleName=f"ecommerce-{account}", PolicyName="needs")["PolicyDocument"]
        resources = [one for statement in policy["Statement"] for one in (statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]])]
        return {one for one in resources if one.split(":")[2:3] == [service]}

    table = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/ecommerce-"
    expect("tables of the user service", reaches("user-service", "dynamodb"), {f"{table}sessions", f"{table}carts"})
    expect("tables of the notification service", reaches("notification-service", "dynamodb"), {f"{table}notifications"})
    expect("tables of the job", reaches("order-analytics", "dynamodb"), set())
    bucket = f"arn:aws:s3:::ecommerce-analytics-results-{ACCOUNT}"
    expect("buckets of the job", reaches("order-analytics", "s3"), {bucket, f"{bucket}/*"})
    groups = {one["TargetGroupArn"] for one in client("elbv2").describe_target_groups(Names=["ecommerce-gateway", "ecommerce-users"])["TargetGroups"]}
    expect("groups that pods enter", reaches("aws-load-balancer-controller", "elasticloadbalancing"), groups)


def others():
    repositories = client("ecr").describe_repositories()["repositories"]
    expect("repositories whose tags may change", [one["repositoryName"] for one in repositories if one["imageTagMutability"] != "IMMUTABLE"], [])
    expect("whether there are repositories", len(repositories) > 0, True)
    keys = {"us-east-1": "Secrets of the cluster ecommerce-eks", "us-west-2": "Backups of ecommerce-postgres from us-east-1"}
    for region, purpose in keys.items():
        kms = client("kms", region_name=region)
        made = [key["KeyId"] for key in kms.list_keys()["Keys"] if kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]["Description"] == purpose]
        expect(f"whether the key changes: {purpose}", [kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"] for key in made], [True])
    kept = {group["logGroupName"]: group.get("retentionInDays") for group in client("logs").describe_log_groups()["logGroups"]}
    expect("logs that are kept for ever", [name for name, days in kept.items() if not days], [])
    tunnels = client("ec2").describe_vpn_connections()["VpnConnections"]
    expect("connections to the other cloud", len(tunnels), 2)


def made(variables):
    variables = json.loads(pathlib.Path(variables).read_text())
    for ask, *given in (
        (buckets,),
        (tables,),
        (network,),
        (who_may_connect,),
        (notifications, variables),
        (load_balancer, variables),
        (database,),
        (database_elsewhere, variables),
        (cluster,),
        (roles,),
        (others,),
    ):
        # What is not there at all does not hide what is wrong besides.
        try:
            ask(*given)
        except (ClientError, KeyError, ValueError) as missing:
            differing.append(f"{ask.__name__}: {missing!r}")


def gone():
    expect("buckets", [one["Name"] for one in client("s3").list_buckets()["Buckets"]], ["packages"])
    expect("tables", client("dynamodb").list_tables()["TableNames"], [])
    expect("VPCs", [one["VpcId"] for one in client("ec2").describe_vpcs()["Vpcs"] if not one["IsDefault"]], [])
    for region in ("us-east-1", "us-west-2"):
        expect(f"databases in {region}", client("rds", region_name=region).describe_db_instances()["DBInstances"], [])
    expect("clusters", client("eks").list_clusters()["clusters"], [])
    expect("load balancers", client("elbv2").describe_load_balancers()["LoadBalancers"], [])
    expect("functions", client("lambda").list_functions()["Functions"], [])
    expect("queues", [url.rsplit("/", 1)[1] for url in client("sqs").list_queues().get("QueueUrls", [])], ["mails"])
    expect("topics", client("sns").list_topics()["Topics"], [])
    expect("repositories", client("ecr").describe_repositories()["repositories"], [])
    expect("roles", [one["RoleName"] for one in client("iam").list_roles()["Roles"]], ["ops"])


def main(what, *arguments):
    {"made": made, "gone": gone}[what](*arguments)
    for one in differing:
        print(one, file=sys.stderr)
    print(f"asked for what is {what}: {asked} answers, {len(differing)} not as they should be")
    sys.exit(bool(differing))


if __name__ == "__main__":
    main(*sys.argv[1:])
