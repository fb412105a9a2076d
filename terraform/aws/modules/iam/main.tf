locals {
  # `arn:aws:kafka:REGION:ACCOUNT:cluster/NAME/ID`: topics, groups and transactional ids of it are named after it.
  cluster = split("/", var.cluster_arn)
  kafka   = replace(local.cluster[0], ":cluster", "")
  of      = "${local.cluster[1]}/${local.cluster[2]}"

  connect = { actions = ["kafka-cluster:Connect", "kafka-cluster:DescribeClusterDynamicConfiguration"], resources = [var.cluster_arn] }
  # What reads topics as a whole joins no group; a group is named after who is in it. When it starts the job reads what it wrote.
  reads = {
    for who, topics in {
      analytics-service    = ["analytics-results"]
      notification-service = ["orders", "notifications"]
      order-analytics      = ["orders", "analytics-results", "orders-dlq", "orders-late", "order-analytics-progress"]
    } :
    who => {
      actions   = ["kafka-cluster:DescribeTopic", "kafka-cluster:DescribeTopicDynamicConfiguration", "kafka-cluster:ReadData", "kafka-cluster:DescribeGroup", "kafka-cluster:AlterGroup"]
      resources = concat([for topic in topics : "${local.kafka}:topic/${local.of}/${topic}"], ["${local.kafka}:group/${local.of}/${who}*"])
    }
  }
  writes = {
    for who, topics in {
      order-service        = ["orders"]
      user-service         = ["notifications"]
      payment-service      = ["notifications"]
      notification-service = ["notifications-dlq"]
      order-analytics      = ["analytics-results", "orders-dlq", "orders-late", "order-analytics-progress"]
    } :
    who => {
      actions   = ["kafka-cluster:DescribeTopic", "kafka-cluster:WriteData"]
      resources = [for topic in topics : "${local.kafka}:topic/${local.of}/${topic}"]
    }
  }
  idempotent = { actions = ["kafka-cluster:WriteDataIdempotently"], resources = [var.cluster_arn] }

  files = {
    for who, purpose in { product-service = "product-images", order-service = "order-documents" } :
    who => [
      { actions = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], resources = ["${var.buckets[purpose]}/*"] },
      { actions = ["s3:ListBucket"], resources = [var.buckets[purpose]] },
    ]
  }
  items = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:Query"]

  # What each service account may do, and nothing else. The gateway calls services alone, and has no role.
  accounts = {
    user-service    = [{ actions = local.items, resources = [var.tables["sessions"], var.tables["carts"]] }, local.connect, local.writes["user-service"], local.idempotent]
    product-service = local.files["product-service"]
    order-service   = concat(local.files["order-service"], [local.connect, local.writes["order-service"], local.idempotent])
    payment-service = [local.connect, local.writes["payment-service"], local.idempotent]
    notification-service = [
      { actions = ["sns:Publish"], resources = [var.topic_arn] },
      { actions = ["dynamodb:GetItem", "dynamodb:UpdateItem"], resources = [var.tables["notifications"]] },
      local.connect, local.reads["notification-service"], local.writes["notification-service"], local.idempotent,
      # How large a dead letter may be is a setting of its topic.
      { actions = ["kafka-cluster:DescribeTopicDynamicConfiguration"], resources = local.writes["notification-service"].resources },
    ]
    analytics-service = [local.connect, local.reads["analytics-service"]]
    # The Job that makes the topics, as nobody else may.
    topics = [local.connect, {
      actions = ["kafka-cluster:CreateTopic", "kafka-cluster:DescribeTopic"]
      resources = [
        for topic in ["orders", "orders-dlq", "orders-late", "analytics-results", "order-analytics-progress", "notifications", "notifications-dlq"] :
        "${local.kafka}:topic/${local.of}/${topic}"
      ]
    }]
    order-analytics = [
      local.connect, local.reads["order-analytics"], local.writes["order-analytics"], local.idempotent,
      { actions = ["kafka-cluster:DescribeTransactionalId", "kafka-cluster:AlterTransactionalId"], resources = ["${local.kafka}:transactional-id/${local.of}/order-analytics*"] },
      { actions = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], resources = ["${var.buckets["analytics-results"]}/*"] },
      { actions = ["s3:ListBucket"], resources = [var.buckets["analytics-results"]] },
    ]
  }
}

data "aws_iam_policy_document" "assume" {
  statement {
    actions = ["sts:AssumeRole", "sts:TagSession"]

    principals {
      type        = "Service"
      identifiers = ["pods.eks.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "this" {
  for_each = local.accounts

  dynamic "statement" {
    for_each = each.value

    content {
      actions   = statement.value.actions
      resources = statement.value.resources
    }
  }
}

resource "aws_iam_role" "this" {
  for_each = local.accounts

  name               = "${var.name}-${each.key}"
  assume_role_policy = data.aws_iam_policy_document.assume.json
}

resource "aws_iam_role_policy" "this" {
  for_each = local.accounts

  name   = "needs"
  role   = aws_iam_role.this[each.key].id
  policy = data.aws_iam_policy_document.this[each.key].json
}

resource "aws_eks_pod_identity_association" "this" {
  for_each = local.accounts

  cluster_name    = var.cluster_name
  namespace       = var.namespace
  service_account = each.key
  role_arn        = aws_iam_role.this[each.key].arn
}
