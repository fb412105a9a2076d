mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }

  mock_data "aws_region" {
    defaults = { name = "us-east-1" }
  }

  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }

  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }

  mock_resource "aws_lb" {
    defaults = { arn = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/net/ecommerce-users/1", dns_name = "users.example.test" }
  }

  mock_resource "aws_lb_target_group" {
    defaults = { arn = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/ecommerce-users/1" }
  }

  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/ecommerce-notification" }
  }

  mock_resource "aws_lambda_function" {
    defaults = { arn = "arn:aws:lambda:us-east-1:123456789012:function:ecommerce-notification" }
  }

  mock_resource "aws_sqs_queue" {
    defaults = { arn = "arn:aws:sqs:us-east-1:123456789012:ecommerce-notification-failed" }
  }

  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:us-east-1:123456789012:log-group:l" }
  }
}

variables {
  package                = { bucket = "artefacts", key = "notification.zip", source_sha256 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=" }
  vpc_id                 = "vpc-1"
  subnet_ids             = ["subnet-1", "subnet-2"]
  node_security_group_id = "sg-nodes"
  cluster_arn            = "arn:aws:kafka:us-east-1:123456789012:cluster/ecommerce-kafka/11111111-2222-3333-4444-555555555555-1"
  bootstrap_brokers      = "b-1:9098,b-2:9098"
  topic_arn              = "arn:aws:sns:us-east-1:123456789012:ecommerce-notifications"
  table_arn              = "arn:aws:dynamodb:us-east-1:123456789012:table/ecommerce-notifications"
}

run "the_function_is_the_one_that_was_asked_for" {
  assert {
    condition = (
      aws_lambda_function.this.function_name == "ecommerce-notification" && aws_lambda_function.this.runtime == "provided.al2023" &&
      aws_lambda_function.this.memory_size == 512 && aws_lambda_function.this.timeout == 60
    )
    error_message = "name, runtime or size are others"
  }

  assert {
    condition = (
      aws_lambda_function.this.environment[0].variables["KAFKA_AUTH"] == "msk-iam" &&
      aws_lambda_function.this.environment[0].variables["KAFKA_BOOTSTRAP_SERVERS"] == "b-1:9098,b-2:9098" &&
      aws_lambda_function.this.environment[0].variables["SEND_TO"] == "arn:aws:sns:us-east-1:123456789012:ecommerce-notifications" &&
      aws_lambda_function.this.environment[0].variables["CLAIMS_URL"] == "dynamodb://us-east-1"
    )
    error_message = "a setting is missing"
  }

  assert {
    condition     = tolist(aws_lambda_function.this.vpc_config[0].subnet_ids) != [] && aws_lambda_function.this.filename == null
    error_message = "it is outside the VPC, or its program is read from this machine"
  }
}

run "the_token_is_named_and_not_told" {
  assert {
    condition = (
      aws_lambda_function.this.environment[0].variables["SERVICE_TOKEN_SECRET"] == "ecommerce/service-tokens" &&
      !contains(keys(aws_lambda_function.this.environment[0].variables), "SERVICE_TOKEN")
    )
    error_message = "the function is told another secret, or the token itself"
  }

  assert {
    condition = anytrue([
      for statement in data.aws_iam_policy_document.this.statement :
      statement.actions == toset(["secretsmanager:GetSecretValue"]) &&
      statement.resources == toset(["arn:aws:secretsmanager:us-east-1:123456789012:secret:ecommerce/service-tokens-??????"])
    ])
    error_message = "the function may not read its token, or reads more"
  }
}

run "the_user_service_is_reached_within_the_vpc_by_the_function_alone" {
  assert {
    condition     = aws_lambda_function.this.environment[0].variables["USER_SERVICE_HOST"] == "users.example.test:50051"
    error_message = "the function asks somebody else"
  }

  assert {
    condition = (
      aws_lb.users.internal && aws_lb.users.load_balancer_type == "network" && aws_lb_target_group.users.target_type == "ip" &&
      aws_vpc_security_group_ingress_rule.users.cidr_ipv4 == null &&
      aws_vpc_security_group_ingress_rule.users.referenced_security_group_id == aws_security_group.this.id &&
      aws_vpc_security_group_egress_rule.users.referenced_security_group_id == "sg-nodes"
    )
    error_message = "others reach the user service, or it reaches more than the pods"
  }
}

run "the_name_of_a_secret_is_no_arn" {
  command = plan

  variables {
    tokens_secret = "arn:aws:secretsmanager:us-east-1:123456789012:secret:tokens"
  }

  expect_failures = [var.tokens_secret]
}

run "each_topic_has_a_mapping_whose_batches_may_fail_in_part" {
  assert {
    condition = keys(aws_lambda_event_source_mapping.this) == ["notifications", "orders"] && alltrue([
      for topic, mapping in aws_lambda_event_source_mapping.this :
      mapping.topics == toset([topic]) && mapping.provisioned_poller_config[0].minimum_pollers == 1 && mapping.starting_position == "TRIM_HORIZON"
    ])
    error_message = "a topic has no mapping of its own, or none with pollers"
  }

  assert {
    condition = alltrue([
      for mapping in aws_lambda_event_source_mapping.this :
      mapping.function_response_types == toset(["ReportBatchItemFailures"]) && mapping.maximum_retry_attempts == 10000
    ])
    error_message = "what the function hands back is lost, or given up while the user service is away"
  }

  assert {
    condition     = alltrue([for mapping in aws_lambda_event_source_mapping.this : mapping.destination_config[0].on_failure[0].destination_arn == aws_sqs_queue.failed.arn])
    error_message = "batches that fail too often are lost"
  }
}

run "topics_and_groups_are_those_of_the_cluster" {
  assert {
    condition     = "${local.kafka}:topic/${local.of}/orders" == "arn:aws:kafka:us-east-1:123456789012:topic/ecommerce-kafka/11111111-2222-3333-4444-555555555555-1/orders"
    error_message = "the function may read something else"
  }
}

run "a_dead_letter_is_cut_to_what_its_topic_takes_and_written" {
  assert {
    condition = anytrue([
      for statement in data.aws_iam_policy_document.this.statement :
      contains(statement.resources, "${local.kafka}:topic/${local.of}/notifications-dlq") &&
      length(setsubtract(["kafka-cluster:DescribeTopicDynamicConfiguration", "kafka-cluster:WriteData"], statement.actions)) == 0
    ])
    error_message = "the function may not write dead letters, or not ask how large they may be"
  }
}

run "a_hash_that_is_none_is_refused" {
  command = plan

  variables {
    package = { bucket = "artefacts", key = "notification.zip", source_sha256 = "deadbeef" }
  }

  expect_failures = [var.package]
}
