output "topic_arn" {
  description = "The topic that the notification service publishes to."
  value       = aws_sns_topic.notifications.arn
}
