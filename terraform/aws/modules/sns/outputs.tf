output "topic_arn" {
  description = "The topic that the notification service publishes to: SNS_TOPIC_ARN."
  value       = aws_sns_topic.notifications.arn
}
