output "cluster_name" {
  description = "The EKS cluster: `aws eks update-kubeconfig --name`."
  value       = module.eks.name
}

output "vpc_cidr" {
  description = "The addresses of the VPC."
  value       = module.vpc.cidr
}

output "kafka_bootstrap_servers" {
  description = "Kafka, for clients that are known by their AWS identity."
  value       = module.msk.bootstrap_iam
}

output "database_address" {
  description = "The host of the database."
  value       = module.rds.address
}

output "database_secret_arn" {
  description = "The secret with its user and password."
  value       = module.rds.secret_arn
}

output "bucket_names" {
  description = "The buckets, by what they are for."
  value       = module.s3.bucket_names
}

output "table_names" {
  description = "The tables, by what they hold."
  value       = module.dynamodb.table_names
}

output "notification_topic_arn" {
  description = "The topic of notifications."
  value       = module.sns.topic_arn
}

output "load_balancer" {
  description = "The name of the load balancer, and what the gateways' TargetGroupBinding names."
  value       = { dns_name = module.alb.dns_name, target_group_arn = module.alb.target_group_arn }
}

output "users_target_group" {
  description = "The target group that the component `notification-function` names; null where there is no function."
  value       = one(module.lambda[*].users_target_group)
}

output "repositories" {
  description = "Where each image is pushed to."
  value       = module.ecr.repository_urls
}

output "oidc_issuer" {
  description = "Who signs the tokens of the cluster's service accounts: `aws_oidc_issuer` of terraform/gcp."
  value       = module.eks.oidc_issuer
}

output "vpn_tunnels" {
  description = "The tunnels to the other cloud: `vpn.tunnels` of terraform/gcp; empty without any."
  value       = flatten(module.vpn[*].tunnels)
}

output "vpn_shared_secrets" {
  description = "Their secrets, in the same sequence: `vpn_shared_secrets` there."
  value       = flatten(module.vpn[*].shared_secrets)
  sensitive   = true
}
