output "function_arn" {
  description = "The function."
  value       = aws_lambda_function.this.arn
}

output "security_group_id" {
  description = "Its security group: who may connect to Kafka."
  value       = aws_security_group.this.id
}

output "failed_queue_url" {
  description = "Where batches lie that failed too often."
  value       = aws_sqs_queue.failed.url
}
