mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }

  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/r" }
  }
}

variables {
  cluster_name = "ecommerce-eks"
  cluster_arn  = "arn:aws:kafka:us-east-1:123456789012:cluster/ecommerce-kafka/1"
  topic_arn    = "arn:aws:sns:us-east-1:123456789012:ecommerce-notifications"
  buckets = {
    product-images    = "arn:aws:s3:::images"
    order-documents   = "arn:aws:s3:::documents"
    analytics-results = "arn:aws:s3:::results"
  }
  tables = {
    sessions      = "arn:aws:dynamodb:us-east-1:123456789012:table/sessions"
    carts         = "arn:aws:dynamodb:us-east-1:123456789012:table/carts"
    notifications = "arn:aws:dynamodb:us-east-1:123456789012:table/notifications"
  }
}

run "each_service_account_has_a_role_of_its_own" {
  assert {
    condition = keys(aws_eks_pod_identity_association.this) == [
      "analytics-service", "notification-service", "order-analytics", "order-service", "payment-service", "product-service", "topics", "user-service",
    ]
    error_message = "a service account has no role, or one has that needs none"
  }

  assert {
    condition     = alltrue([for account, one in aws_eks_pod_identity_association.this : one.namespace == "ecommerce" && one.service_account == account])
    error_message = "a role is another account's"
  }
}

run "nobody_may_do_everything" {
  assert {
    condition = alltrue(flatten([
      for account, statements in local.accounts : [
        for statement in statements : !contains(statement.resources, "*") && alltrue([for action in statement.actions : !endswith(action, "*")])
      ]
    ]))
    error_message = "an account may do something with everything"
  }
}

run "only_the_job_writes_results_and_only_the_order_service_orders" {
  assert {
    condition = {
      for topic in ["orders", "analytics-results", "notifications-dlq"] :
      topic => join(" ", sort([for account, write in local.writes : account if contains(write.resources, "arn:aws:kafka:us-east-1:123456789012:topic/ecommerce-kafka/1/${topic}")]))
      } == {
      orders            = "order-service"
      analytics-results = "order-analytics"
      notifications-dlq = "notification-service"
    }
    error_message = "somebody else writes a topic"
  }
}

run "who_asks_for_records_or_settings_of_a_topic_gets_them" {
  assert {
    condition = {
      for account, statements in local.accounts :
      account => join(" ", sort([for topic in flatten([
        for statement in statements : statement.resources if contains(statement.actions, "kafka-cluster:ReadData")
      ]) : reverse(split("/", topic))[0] if strcontains(topic, ":topic/")]))
      } == {
      analytics-service    = "analytics-results"
      notification-service = "notifications orders"
      order-analytics      = "analytics-results order-analytics-progress orders orders-dlq orders-late"
      order-service        = ""
      payment-service      = ""
      product-service      = ""
      topics               = ""
      user-service         = ""
    }
    error_message = "somebody cannot read a topic that it needs, or reads one that it does not"
  }

  assert {
    condition = alltrue([
      for account, topics in { notification-service = ["notifications-dlq"], order-analytics = ["orders-dlq", "orders-late"] } :
      length(setsubtract([for topic in topics : "arn:aws:kafka:us-east-1:123456789012:topic/ecommerce-kafka/1/${topic}"], flatten([
        for statement in local.accounts[account] : statement.resources if contains(statement.actions, "kafka-cluster:DescribeTopicDynamicConfiguration")
      ]))) == 0
    ])
    error_message = "somebody is not told how large a record its dead letters' topic takes"
  }
}

run "one_account_makes_topics" {
  assert {
    condition = [
      for account, statements in local.accounts : account if contains(flatten([for statement in statements : statement.actions]), "kafka-cluster:CreateTopic")
    ] == ["topics"]
    error_message = "somebody else makes topics, or nobody does"
  }
}

run "controllers_change_only_what_is_named" {
  variables {
    secret_arns       = ["arn:aws:secretsmanager:us-east-1:123456789012:secret:s"]
    target_group_arns = ["arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/ecommerce-gateway/1"]
  }

  assert {
    condition = { for account, one in aws_eks_pod_identity_association.controllers : account => one.namespace } == {
      aws-load-balancer-controller = "kube-system"
      cluster-autoscaler           = "kube-system"
      external-secrets             = "external-secrets"
    }
    error_message = "a controller has no role, or one where it does not run"
  }

  assert {
    condition = alltrue([for one in values(local.controllers) : one.owned != null || !contains(one.with, "*")]) && alltrue(flatten([
      for one in values(local.controllers) : [for action in one.sees : can(regex(":(Describe|Get)[A-Za-z]+$", action))]
    ]))
    error_message = "a controller may change what is not the cluster's"
  }

  assert {
    condition     = local.controllers.cluster-autoscaler.owned == "k8s.io/cluster-autoscaler/ecommerce-eks"
    error_message = "another cluster's machines could be taken away"
  }
}

run "who_is_given_nothing_to_work_on_gets_no_role" {
  assert {
    condition     = keys(aws_iam_role.controllers) == ["cluster-autoscaler"]
    error_message = "there is a role for nothing"
  }
}

run "a_bucket_that_is_missing_is_told" {
  command = plan

  variables {
    buckets = { product-images = "arn:aws:s3:::images" }
  }

  expect_failures = [var.buckets]
}
