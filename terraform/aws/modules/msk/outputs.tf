output "cluster_arn" {
  description = "The cluster."
  value       = aws_msk_cluster.this.arn
}

output "bootstrap_iam" {
  description = "Where clients begin that are known by their AWS identity: `--kafka-auth msk-iam`."
  value       = aws_msk_cluster.this.bootstrap_brokers_sasl_iam
}

output "bootstrap_scram" {
  description = "Where clients begin that have a password: SCRAM-SHA-512 over TLS."
  value       = aws_msk_cluster.this.bootstrap_brokers_sasl_scram
}

output "security_group_id" {
  description = "The security group of the brokers."
  value       = aws_security_group.this.id
}
