output "dns_name" {
  description = "The name that the shop's own name points to."
  value       = aws_lb.this.dns_name
}

output "arn" {
  description = "The load balancer."
  value       = aws_lb.this.arn
}

output "target_group_arn" {
  description = "What the gateways' TargetGroupBinding names."
  value       = aws_lb_target_group.gateway.arn
}

output "security_group_id" {
  description = "Who calls the gateways."
  value       = aws_security_group.this.id
}
