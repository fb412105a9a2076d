output "address" {
  description = "The host of the replica."
  value       = aws_db_instance.this.address
}

output "identifier" {
  description = "Its name, by which it is promoted."
  value       = aws_db_instance.this.identifier
}
