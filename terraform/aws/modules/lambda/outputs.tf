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

output "users_target_group" {
  description = "The name of the target group that the user service's TargetGroupBinding names."
  value       = aws_lb_target_group.users.name
}

output "users_target_group_arn" {
  description = "The same group, for the role of the load-balancer controller, which enters pods into it."
  value       = aws_lb_target_group.users.arn
}

output "users_security_group_id" {
  description = "The security group of the load balancer that calls the user service's pods."
  value       = aws_security_group.users.id
}
