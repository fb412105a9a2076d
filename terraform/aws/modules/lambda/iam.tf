data "aws_iam_policy_document" "assume" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "this" {
  name               = "${var.name}-notification"
  assume_role_policy = data.aws_iam_policy_document.assume.json
}

locals {
  # `arn:aws:kafka:REGION:ACCOUNT:cluster/NAME/ID`: topics and groups of it are named after it.
  cluster = split("/", var.cluster_arn)
  kafka   = replace(local.cluster[0], ":cluster", "")
  of      = "${local.cluster[1]}/${local.cluster[2]}"

  # Secrets Manager puts six characters behind the name.
  tokens_arn = "arn:${data.aws_partition.current.partition}:secretsmanager:${data.aws_region.current.name}:${data.aws_caller_identity.current.account_id}:secret:${local.tokens_secret}-??????"
}

data "aws_iam_policy_document" "this" {
  #checkov:skip=CKV_AWS_111:the last statement: AWS has no narrower resource for these actions
  #checkov:skip=CKV_AWS_356:the last statement: AWS has no narrower resource for these actions
  statement {
    sid       = "Publish"
    actions   = ["sns:Publish"]
    resources = [var.topic_arn]
  }

  statement {
    sid       = "Claim"
    actions   = ["dynamodb:GetItem", "dynamodb:UpdateItem"]
    resources = [var.table_arn]
  }

  statement {
    sid       = "Read"
    actions   = ["kafka-cluster:Connect", "kafka-cluster:DescribeGroup", "kafka-cluster:AlterGroup", "kafka-cluster:DescribeTopic", "kafka-cluster:ReadData", "kafka-cluster:DescribeClusterDynamicConfiguration"]
    resources = concat([var.cluster_arn], [for topic in var.topics : "${local.kafka}:topic/${local.of}/${topic}"], ["${local.kafka}:group/${local.of}/notification-*"])
  }

  # How large a dead letter may be is a setting of its topic.
  statement {
    sid       = "DeadLetter"
    actions   = ["kafka-cluster:DescribeTopic", "kafka-cluster:DescribeTopicDynamicConfiguration", "kafka-cluster:WriteData", "kafka-cluster:WriteDataIdempotently"]
    resources = [var.cluster_arn, "${local.kafka}:topic/${local.of}/notifications-dlq"]
  }

  statement {
    sid       = "FindBrokers"
    actions   = ["kafka:DescribeCluster", "kafka:DescribeClusterV2", "kafka:GetBootstrapBrokers"]
    resources = [var.cluster_arn]
  }

  statement {
    sid       = "Failed"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.failed.arn]
  }

  statement {
    sid       = "Token"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = [local.tokens_arn]
  }

  statement {
    sid       = "Log"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.this.arn}:*"]
  }

  # AWS has no narrower resource for these.
  statement {
    sid = "EnterTheVpc"
    actions = [
      "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups",
      "ec2:DescribeSubnets", "ec2:DescribeVpcs", "xray:PutTelemetryRecords", "xray:PutTraceSegments",
    ]
    resources = ["*"]
  }
}

resource "aws_iam_role_policy" "this" {
  name   = "notify"
  role   = aws_iam_role.this.id
  policy = data.aws_iam_policy_document.this.json
}
