# The cluster and its configuration are left out; what takes something from them gets this.
output "cluster_arn" {
  value = "arn:aws:kafka:us-east-1:123456789012:cluster/ecommerce-kafka/00000000-0000-0000-0000-000000000000-1"
}

output "bootstrap_iam" {
  value = "b-1.kafka.example.com:9098"
}

output "bootstrap_scram" {
  value = "b-1.kafka.example.com:9096"
}

resource "aws_msk_cluster" "this" {
  configuration_info {
    arn      = "arn:aws:kafka:us-east-1:123456789012:configuration/ecommerce-kafka/00000000-0000-0000-0000-000000000000-1"
    revision = 1
  }

  # Long enough to see that it is not done.
  timeouts {
    create = "10s"
  }
}

resource "aws_msk_scram_secret_association" "this" {
  cluster_arn = "arn:aws:kafka:us-east-1:123456789012:cluster/ecommerce-kafka/00000000-0000-0000-0000-000000000000-1"
}
