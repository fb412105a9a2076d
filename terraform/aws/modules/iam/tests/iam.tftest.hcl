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
      "analytics-service", "notification-service", "order-analytics", "order-service", "payment-service", "product-service", "user-service",
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

run "secrets_are_read_only_where_they_are_named" {
  variables {
    secret_arns = ["arn:aws:secretsmanager:us-east-1:123456789012:secret:s"]
  }

  assert {
    condition     = contains(keys(aws_iam_role.this), "external-secrets")
    error_message = "nobody reads the secrets"
  }
}

run "a_bucket_that_is_missing_is_told" {
  command = plan

  variables {
    buckets = { product-images = "arn:aws:s3:::images" }
  }

  expect_failures = [var.buckets]
}
