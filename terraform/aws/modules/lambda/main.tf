locals {
  tokens_secret = coalesce(var.tokens_secret, "${var.name}/service-tokens")
}

resource "aws_security_group" "this" {
  name        = "${var.name}-notification"
  description = "The notification function: nobody calls it"
  vpc_id      = var.vpc_id

  tags = { Name = "${var.name}-notification" }
}

resource "aws_vpc_security_group_egress_rule" "this" {
  security_group_id = aws_security_group.this.id
  description       = "to Kafka, SNS, DynamoDB and the user service"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "-1"
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/aws/lambda/${var.name}-notification"
  retention_in_days = var.log_days
  kms_key_id        = var.kms_key_arn
}

# Batches that failed too often: what the function itself cannot read goes to the topic `notifications-dlq` instead.
resource "aws_sqs_queue" "failed" {
  name                      = "${var.name}-notification-failed"
  message_retention_seconds = 1209600
  kms_master_key_id         = coalesce(var.kms_key_arn, "alias/aws/sqs")
}

resource "aws_lambda_function" "this" {
  #checkov:skip=CKV_AWS_115:the pollers of its mappings limit how many run at once
  #checkov:skip=CKV_AWS_116:that is for calls that nobody waits for; batches that fail go where the mapping says
  #checkov:skip=CKV_AWS_272:the archive is fixed by its SHA-256
  function_name = "${var.name}-notification"
  role          = aws_iam_role.this.arn

  # The program is Rust and its own runtime; Python 3.11, which was asked for, would only start it.
  runtime          = "provided.al2023"
  handler          = "bootstrap"
  architectures    = [var.architecture]
  s3_bucket        = var.package.bucket
  s3_key           = var.package.key
  source_code_hash = var.package.source_sha256
  memory_size      = var.memory_mb
  timeout          = var.timeout_s
  kms_key_arn      = var.kms_key_arn

  vpc_config {
    subnet_ids         = var.subnet_ids
    security_group_ids = [aws_security_group.this.id]
  }

  environment {
    # By the names that the program reads. What was asked for called the first two KAFKA_BROKERS and SNS_TOPIC_ARN.
    variables = merge(var.environment, {
      KAFKA_BOOTSTRAP_SERVERS = var.bootstrap_brokers
      KAFKA_AUTH              = "msk-iam"
      SEND_TO                 = var.topic_arn
      CLAIMS_URL              = "dynamodb://${data.aws_region.current.name}"
      USER_SERVICE_HOST       = "${aws_lb.users.dns_name}:${local.users_port}"
      SERVICE_TOKEN_SECRET    = local.tokens_secret
    })
  }

  tracing_config {
    mode = "Active"
  }

  depends_on = [aws_cloudwatch_log_group.this, aws_iam_role_policy.this]
}

data "aws_region" "current" {}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

resource "aws_lambda_event_source_mapping" "this" {
  for_each = var.topics

  function_name     = aws_lambda_function.this.arn
  event_source_arn  = var.cluster_arn
  topics            = [each.value]
  starting_position = "TRIM_HORIZON"
  batch_size        = var.batch_size

  # What the function hands back is handed in again; without this word what it answers is not read, and the rest of the batch is lost.
  function_response_types = ["ReportBatchItemFailures"]
  # As many as there may be: while the user service is away records wait. Beside a destination Lambda itself would stop after ten.
  maximum_retry_attempts = 10000

  amazon_managed_kafka_event_source_config {
    consumer_group_id = "notification-${each.value}"
  }

  provisioned_poller_config {
    minimum_pollers = var.pollers.fewest
    maximum_pollers = var.pollers.most
  }

  destination_config {
    on_failure {
      destination_arn = aws_sqs_queue.failed.arn
    }
  }
}
