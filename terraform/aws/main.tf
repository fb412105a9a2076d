data "aws_caller_identity" "current" {}

locals {
  tags = {
    Environment = var.environment
    Project     = var.name
    ManagedBy   = "terraform"
    CreatedAt   = var.created_at
  }
  has_function = var.notification_package != null
  # The gateways' pods, and the user service's where the function asks it.
  target_group_arns = concat([module.alb.target_group_arn], module.lambda[*].users_target_group_arn)
}

module "vpc" {
  source = "./modules/vpc"

  name         = var.name
  cidr         = var.vpc_cidr
  nat_gateways = var.nat_gateways
  cluster_name = "${var.name}-eks"

  availability_zones = [for zone in ["a", "b", "c"] : "${var.region}${zone}"]
  public_subnets     = [for n in [1, 2, 3] : cidrsubnet(var.vpc_cidr, 8, n)]
  private_subnets    = [for n in [11, 12, 13] : cidrsubnet(var.vpc_cidr, 8, n)]
}

module "eks" {
  source = "./modules/eks"

  name            = "${var.name}-eks"
  subnet_ids      = module.vpc.private_subnet_ids
  api_cidrs       = var.api_cidrs
  admin_role_arns = var.admin_role_arns
  nodes           = var.nodes
  spot            = var.spot
}

module "rds" {
  source = "./modules/rds"

  name                      = var.name
  vpc_id                    = module.vpc.vpc_id
  subnet_ids                = module.vpc.private_subnet_ids
  client_security_group_ids = { nodes = module.eks.node_security_group_id }
  instance_class            = var.db_instance_class
  multi_az                  = var.db_multi_az
  deletion_protection       = var.deletion_protection
  password                  = var.db_password
  password_version          = var.db_password_version
  password_regions          = var.backup_region == null ? [] : [var.backup_region]
}

module "dynamodb" {
  source = "./modules/dynamodb"

  name                = var.name
  deletion_protection = var.deletion_protection
}

module "s3" {
  source = "./modules/s3"

  name       = var.name
  account_id = data.aws_caller_identity.current.account_id
}

module "msk" {
  source = "./modules/msk"

  name          = var.name
  vpc_id        = module.vpc.vpc_id
  subnet_ids    = module.vpc.private_subnet_ids
  brokers       = var.kafka_brokers
  instance_type = var.kafka_instance_type
  client_cidrs  = var.gcp_cidrs

  scram_secret_arns = var.scram_secret_arns
  read_by_lambda    = local.has_function
  client_security_group_ids = merge(
    { nodes = module.eks.node_security_group_id },
    local.has_function ? { notification = module.lambda[0].security_group_id } : {},
  )
}

module "vpn" {
  source = "./modules/vpn"
  count  = var.gcp_vpn == null ? 0 : 1

  name            = var.name
  vpc_id          = module.vpc.vpc_id
  route_table_ids = module.vpc.private_route_table_ids
  peer_asn        = var.gcp_vpn.asn
  peer_addresses  = var.gcp_vpn.addresses
}

module "alb" {
  source = "./modules/alb"

  name                = var.name
  vpc_id              = module.vpc.vpc_id
  subnet_ids          = module.vpc.public_subnet_ids
  certificate_arn     = var.certificate_arn
  deletion_protection = var.deletion_protection
}

# The load balancer calls the gateways' pods, and nobody else from outside does.
resource "aws_vpc_security_group_ingress_rule" "alb_to_gateways" {
  security_group_id            = module.eks.node_security_group_id
  description                  = "the load balancer"
  referenced_security_group_id = module.alb.security_group_id
  ip_protocol                  = "tcp"
  from_port                    = 8080
  to_port                      = 8080
}

# The notification function asks the user service for addresses.
resource "aws_vpc_security_group_ingress_rule" "function_to_users" {
  count = local.has_function ? 1 : 0

  security_group_id            = module.eks.node_security_group_id
  description                  = "the notification function"
  referenced_security_group_id = module.lambda[0].users_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = 50051
  to_port                      = 50051
}

module "sns" {
  source = "./modules/sns"

  name    = var.name
  mailers = var.mailers
}

module "lambda" {
  source = "./modules/lambda"
  count  = local.has_function ? 1 : 0

  name                   = var.name
  package                = var.notification_package
  vpc_id                 = module.vpc.vpc_id
  subnet_ids             = module.vpc.private_subnet_ids
  node_security_group_id = module.eks.node_security_group_id
  cluster_arn            = module.msk.cluster_arn
  bootstrap_brokers      = module.msk.bootstrap_iam
  topic_arn              = module.sns.topic_arn
  table_arn              = module.dynamodb.table_arns["notifications"]
}

module "ecr" {
  source = "./modules/ecr"

  name = var.name
}

module "iam" {
  source = "./modules/iam"

  name         = var.name
  cluster_name = module.eks.name
  buckets      = module.s3.bucket_arns
  tables       = module.dynamodb.table_arns
  topic_arn    = module.sns.topic_arn
  cluster_arn  = module.msk.cluster_arn
  # The database's, and those that are put there by hand under the name of this installation.
  secret_arns       = [module.rds.secret_arn, "arn:aws:secretsmanager:${var.region}:${data.aws_caller_identity.current.account_id}:secret:${var.name}/*"]
  target_group_arns = local.target_group_arns
}

resource "aws_budgets_budget" "month" {
  count = var.monthly_budget_usd == null ? 0 : 1

  name         = "${var.name}-${var.environment}"
  budget_type  = "COST"
  time_unit    = "MONTHLY"
  limit_unit   = "USD"
  limit_amount = tostring(var.monthly_budget_usd)

  dynamic "notification" {
    for_each = { ACTUAL = 80, FORECASTED = 100 }

    content {
      comparison_operator        = "GREATER_THAN"
      notification_type          = notification.key
      threshold                  = notification.value
      threshold_type             = "PERCENTAGE"
      subscriber_email_addresses = var.alert_emails
    }
  }
}
