mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }

  mock_data "aws_region" {
    defaults = { name = "us-east-1" }
  }

  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }

  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/r" }
  }

  mock_resource "aws_kms_key" {
    defaults = { arn = "arn:aws:kms:us-east-1:123456789012:key/made" }
  }

  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:us-east-1:123456789012:log-group:l" }
  }

  mock_resource "aws_eks_cluster" {
    defaults = {
      certificate_authority = [{ data = "Y2E=" }]
      identity              = [{ oidc = [{ issuer = "https://oidc.eks.us-east-1.amazonaws.com/id/1" }] }]
    }
  }

  mock_resource "aws_launch_template" {
    defaults = { id = "lt-1", latest_version = 1 }
  }

  mock_resource "aws_db_instance" {
    defaults = {
      arn                = "arn:aws:rds:us-east-1:123456789012:db:ecommerce-postgres"
      master_user_secret = [{ kms_key_id = "k", secret_arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:rds", secret_status = "active" }]
    }
  }

  mock_resource "aws_msk_configuration" {
    defaults = { arn = "arn:aws:kafka:us-east-1:123456789012:configuration/ecommerce-kafka/1", latest_revision = 1 }
  }

  mock_resource "aws_msk_cluster" {
    defaults = { arn = "arn:aws:kafka:us-east-1:123456789012:cluster/ecommerce-kafka/1" }
  }

  mock_resource "aws_lb" {
    defaults = { arn = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/ecommerce-alb/1" }
  }

  mock_resource "aws_lb_target_group" {
    defaults = { arn = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/ecommerce-gateway/1" }
  }

  mock_resource "aws_sns_topic" {
    defaults = { arn = "arn:aws:sns:us-east-1:123456789012:ecommerce-notifications" }
  }

  mock_resource "aws_s3_bucket" {
    defaults = { arn = "arn:aws:s3:::bucket" }
  }

  mock_resource "aws_dynamodb_table" {
    defaults = { arn = "arn:aws:dynamodb:us-east-1:123456789012:table/t" }
  }

  mock_resource "aws_lambda_function" {
    defaults = { arn = "arn:aws:lambda:us-east-1:123456789012:function:ecommerce-notification" }
  }

  mock_resource "aws_sqs_queue" {
    defaults = { arn = "arn:aws:sqs:us-east-1:123456789012:q" }
  }
}

mock_provider "aws" {
  alias = "elsewhere"

  mock_resource "aws_kms_key" {
    defaults = { arn = "arn:aws:kms:us-west-2:123456789012:key/made" }
  }
}

variables {
  # Not taken without db_password_version. Terraform's tests want a value of every ephemeral variable.
  db_password = "a-password-of-the-test"
}

run "the_parts_are_those_that_are_relied_upon" {
  assert {
    condition = (
      output.cluster_name == "ecommerce-eks" && output.bucket_names["product-images"] == "ecommerce-product-images-123456789012" &&
      output.table_names["carts"] == "ecommerce-carts" && keys(output.repositories)[0] == "analytics-service"
    )
    error_message = "a part has another name"
  }

  assert {
    condition     = local.tags == { Environment = "production", Project = "ecommerce", ManagedBy = "terraform", CreatedAt = "2026-11-26" }
    error_message = "the tags are others, or change from plan to plan"
  }

  assert {
    condition     = length(module.lambda) == 0
    error_message = "there is a function without a program"
  }
}

run "only_the_load_balancer_reaches_the_gateways" {
  assert {
    condition     = aws_vpc_security_group_ingress_rule.alb_to_gateways.cidr_ipv4 == null && aws_vpc_security_group_ingress_rule.alb_to_gateways.from_port == 8080
    error_message = "others reach the gateways"
  }
}

run "a_program_makes_a_function" {
  variables {
    notification_package = { bucket = "artefacts", key = "notification.zip", source_sha256 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=" }
  }

  assert {
    condition     = length(module.lambda) == 1
    error_message = "the program is not run"
  }

  assert {
    condition     = output.users_target_group == "ecommerce-users" && aws_vpc_security_group_ingress_rule.function_to_users[0].from_port == 50051
    error_message = "the program cannot ask the user service"
  }

  assert {
    condition     = contains(local.target_group_arns, module.lambda[0].users_target_group_arn) && length(local.target_group_arns) == 2
    error_message = "the user service's pods cannot be entered into the group that the program asks"
  }
}

run "the_other_cloud_is_reached_by_four_tunnels" {
  variables {
    gcp_cidrs = { machines = "10.20.0.0/20", pods = "10.24.0.0/16" }
    gcp_vpn   = { addresses = ["192.0.2.1", "192.0.2.2"] }
  }

  assert {
    condition     = length(output.vpn_tunnels) == 4 && length(output.vpn_shared_secrets) == 4
    error_message = "the other cloud is told of other tunnels"
  }
}

run "there_are_no_tunnels_unless_they_are_asked_for" {
  assert {
    condition     = length(module.vpn) == 0 && output.vpn_tunnels == []
    error_message = "there are tunnels to nowhere"
  }
}

run "networks_that_overlap_are_refused" {
  command = plan

  variables {
    gcp_cidrs = { machines = "10.0.32.0/20" }
  }

  expect_failures = [var.gcp_cidrs]
}

run "costs_are_watched_where_a_budget_is_set" {
  variables {
    monthly_budget_usd = 500
    alert_emails       = ["ops@example.test"]
  }

  assert {
    condition     = aws_budgets_budget.month[0].limit_amount == "500" && length(aws_budgets_budget.month[0].notification) == 2
    error_message = "nobody is told of the costs"
  }
}

run "an_address_that_is_none_is_refused" {
  command = plan

  variables {
    alert_emails = ["ops"]
  }

  expect_failures = [var.alert_emails]
}

run "another_environment_is_refused" {
  command = plan

  variables {
    environment = "prod"
  }

  expect_failures = [var.environment]
}

run "backups_stay_in_their_region_unless_another_is_asked_for" {
  assert {
    condition     = length(aws_db_instance_automated_backups_replication.this) == 0 && length(aws_kms_key.backups) == 0
    error_message = "backups are copied, and paid for, that nobody asked for"
  }
}

run "backups_are_copied_to_another_region_by_a_key_of_that_region" {
  variables {
    backup_region = "us-west-2"
  }

  assert {
    condition = (
      aws_db_instance_automated_backups_replication.this[0].source_db_instance_arn == "arn:aws:rds:us-east-1:123456789012:db:ecommerce-postgres" &&
      aws_db_instance_automated_backups_replication.this[0].kms_key_id == "arn:aws:kms:us-west-2:123456789012:key/made" &&
      aws_db_instance_automated_backups_replication.this[0].retention_period == 30 && aws_kms_key.backups[0].enable_key_rotation
    )
    error_message = "another database is copied, for another time, or by a key of another region"
  }
}

run "a_replica_in_another_region_is_of_a_database_with_a_password_of_its_own" {
  variables {
    backup_region       = "us-west-2"
    db_password_version = 1
    db_replica          = { subnet_ids = ["subnet-1", "subnet-2"], security_group_ids = ["sg-elsewhere"] }
  }

  assert {
    condition     = module.replica[0].identifier == "ecommerce-postgres-replica" && length(aws_kms_key.backups) == 1
    error_message = "there is no replica, or no key for it"
  }

  assert {
    condition     = output.database_secret_arn != "arn:aws:secretsmanager:us-east-1:123456789012:secret:rds"
    error_message = "RDS keeps the password, and would refuse the replica"
  }
}

run "a_replica_of_a_database_whose_password_rds_keeps_is_refused" {
  command = plan

  variables {
    backup_region = "us-west-2"
    db_replica    = { subnet_ids = ["subnet-1", "subnet-2"], security_group_ids = ["sg-elsewhere"] }
  }

  expect_failures = [var.db_replica]
}

run "a_replica_needs_another_region" {
  command = plan

  variables {
    db_password_version = 1
    db_replica          = { subnet_ids = ["subnet-1", "subnet-2"], security_group_ids = ["sg-elsewhere"] }
  }

  expect_failures = [var.db_replica]
}

run "the_same_region_is_no_other_region" {
  command = plan

  variables {
    backup_region = "us-east-1"
  }

  expect_failures = [var.backup_region]
}

run "backups_are_kept_for_35_days_at_most" {
  command = plan

  variables {
    backup_region_days = 36
  }

  expect_failures = [var.backup_region_days]
}
