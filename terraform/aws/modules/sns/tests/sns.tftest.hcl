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
    condition     = length(aws_sns_topic_subscription.mailer) == 0
    error_message = "somebody is told who was not named"
  }
}

run "mailers_that_are_named_get_what_is_told" {
  variables {
    mailers = {
      ses   = "arn:aws:lambda:us-east-1:123456789012:function:mailer"
      queue = "arn:aws:sqs:us-east-1:123456789012:mails"
    }
    kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/k"
  }

  assert {
    condition     = { for name, one in aws_sns_topic_subscription.mailer : name => "${one.protocol} ${one.endpoint}" } == { for name, arn in var.mailers : name => "${name == "ses" ? "lambda" : "sqs"} ${arn}" }
    error_message = "a mailer gets nothing, or not as its service takes it"
  }

  assert {
    condition     = aws_sns_topic.notifications.kms_master_key_id == "arn:aws:kms:us-east-1:123456789012:key/k"
    error_message = "the key is another one"
  }
}

run "an_address_which_would_be_mailed_what_is_for_others_is_refused" {
  command = plan

  variables {
    mailers = { ops = "ops@example.test" }
  }

  expect_failures = [var.mailers]
}
