output "address" {
  description = "The host of the database."
  value       = aws_db_instance.this.address
}

output "port" {
  description = "Its port."
  value       = aws_db_instance.this.port
}

output "secret_arn" {
  description = "The secret with user and password."
  value       = local.has_own_password ? aws_secretsmanager_secret.password[0].arn : aws_db_instance.this.master_user_secret[0].secret_arn
}

output "security_group_id" {
  description = "The security group of the database."
  value       = aws_security_group.this.id
}

output "arn" {
  description = "The database, for its backups and its replica in another region."
  value       = aws_db_instance.this.arn
}
