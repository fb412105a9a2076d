output "table_names" {
  description = "The names of the tables by what they hold: sessions, carts, notifications."
  value       = { for purpose, table in aws_dynamodb_table.this : purpose => table.name }
}

output "table_arns" {
  description = "Their ARNs, by what they hold."
  value       = { for purpose, table in aws_dynamodb_table.this : purpose => table.arn }
}
