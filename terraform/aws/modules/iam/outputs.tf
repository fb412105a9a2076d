output "role_arns" {
  description = "The role of each service account."
  value       = { for account, role in aws_iam_role.this : account => role.arn }
}
