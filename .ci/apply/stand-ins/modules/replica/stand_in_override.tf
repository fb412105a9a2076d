# The replica is left out.
output "address" {
  value = "ecommerce-postgres-replica.example.com"
}

output "identifier" {
  value = "ecommerce-postgres-replica"
}
