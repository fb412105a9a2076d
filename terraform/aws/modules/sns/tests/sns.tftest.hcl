mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }

  mock_resource "aws_sns_topic" {
    defaults = { arn = "arn:aws:sns:us-east-1:123456789012:ecommerce-notifications" }
  }
}

run "the_topic_is_the_one_that_is_relied_upon_and_encrypted" {
  assert {
    condition     = aws_sns_topic.notifications.name == "ecommerce-notifications"
    error_message = "the topic has another name"
  }

  assert {
    condition     = aws_sns_topic.notifications.kms_master_key_id == "alias/aws/sns"
    error_message = "messages are not encrypted while they wait"
  }

  assert {
    condition     = length(aws_sns_topic_subscription.email) == 0
    error_message = "somebody is told who was not named"
  }
}

run "who_is_named_is_told" {
  variables {
    email_subscribers = ["ops@example.test"]
    kms_key_arn       = "arn:aws:kms:us-east-1:123456789012:key/k"
  }

  assert {
    condition     = aws_sns_topic_subscription.email["ops@example.test"].protocol == "email"
    error_message = "who was named is not told"
  }

  assert {
    condition     = aws_sns_topic.notifications.kms_master_key_id == "arn:aws:kms:us-east-1:123456789012:key/k"
    error_message = "the key is another one"
  }
}

run "an_address_that_is_none_is_refused" {
  command = plan

  variables {
    email_subscribers = ["ops"]
  }

  expect_failures = [var.email_subscribers]
}
