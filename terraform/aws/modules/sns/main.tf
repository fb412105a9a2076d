resource "aws_sns_topic" "notifications" {
  name              = "${var.name}-notifications"
  kms_master_key_id = coalesce(var.kms_key_arn, "alias/aws/sns")
}

data "aws_iam_policy_document" "tls_only" {
  statement {
    sid       = "OnlyByTls"
    effect    = "Deny"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.notifications.arn]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_sns_topic_policy" "tls_only" {
  arn    = aws_sns_topic.notifications.arn
  policy = data.aws_iam_policy_document.tls_only.json
}

resource "aws_sns_topic_subscription" "mailer" {
  for_each = var.mailers

  topic_arn = aws_sns_topic.notifications.arn
  # `arn:aws:SERVICE:...`: both are called as their service is.
  protocol = split(":", each.value)[2]
  endpoint = each.value
}
