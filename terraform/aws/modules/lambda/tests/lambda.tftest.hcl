mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }

  mock_data "aws_region" {
    defaults = { name = "us-east-1" }
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
  package           = { bucket = "artefacts", key = "notification.zip", source_sha256 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=" }
  vpc_id            = "vpc-1"
  subnet_ids        = ["subnet-1", "subnet-2"]
  cluster_arn       = "arn:aws:kafka:us-east-1:123456789012:cluster/ecommerce-kafka/11111111-2222-3333-4444-555555555555-1"
  bootstrap_brokers = "b-1:9098,b-2:9098"
  topic_arn         = "arn:aws:sns:us-east-1:123456789012:ecommerce-notifications"
  table_arn         = "arn:aws:dynamodb:us-east-1:123456789012:table/ecommerce-notifications"
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

run "each_topic_has_a_mapping_whose_batches_may_fail_in_part" {
  assert {
    condition = keys(aws_lambda_event_source_mapping.this) == ["notifications", "orders"] && alltrue([
      for topic, mapping in aws_lambda_event_source_mapping.this :
      mapping.topics == toset([topic]) && mapping.provisioned_poller_config[0].minimum_pollers == 1 && mapping.starting_position == "TRIM_HORIZON"
    ])
    error_message = "a topic has no mapping of its own, or none with pollers"
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

run "a_hash_that_is_none_is_refused" {
  command = plan

  variables {
    package = { bucket = "artefacts", key = "notification.zip", source_sha256 = "deadbeef" }
  }

  expect_failures = [var.package]
}
