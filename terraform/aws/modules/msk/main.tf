locals {
  # SASL over TLS: by a password (SCRAM-SHA-512), and by the identity of AWS.
  ports = { scram = 9096, iam = 9098 }
  clients = merge([
    for listener, port in local.ports : {
      for who, group in var.client_security_group_ids : "${who} by ${listener}" => { group = group, port = port }
    }
  ]...)
  networks = merge([
    for listener, port in local.ports : {
      for who, cidr in var.client_cidrs : "${who} by ${listener}" => { cidr = cidr, port = port }
    }
  ]...)
}

resource "aws_security_group" "this" {
  name        = "${var.name}-kafka"
  description = "Kafka, for those that are named"
  vpc_id      = var.vpc_id

  tags = { Name = "${var.name}-kafka" }
}

resource "aws_vpc_security_group_ingress_rule" "client" {
  for_each = local.clients

  security_group_id            = aws_security_group.this.id
  description                  = each.key
  referenced_security_group_id = each.value.group
  ip_protocol                  = "tcp"
  from_port                    = each.value.port
  to_port                      = each.value.port
}

resource "aws_vpc_security_group_ingress_rule" "network" {
  for_each = local.networks

  security_group_id = aws_security_group.this.id
  description       = each.key
  cidr_ipv4         = each.value.cidr
  ip_protocol       = "tcp"
  from_port         = each.value.port
  to_port           = each.value.port
}

# Lambda's pollers are not where their function is: they sit in the brokers' subnets and are in this group, so it lets itself in, by the
# identity of AWS alone, and out to what they ask besides (STS, Lambda).
resource "aws_vpc_security_group_ingress_rule" "pollers" {
  count = var.read_by_lambda ? 1 : 0

  security_group_id            = aws_security_group.this.id
  description                  = "pollers of Lambda"
  referenced_security_group_id = aws_security_group.this.id
  ip_protocol                  = "tcp"
  from_port                    = local.ports.iam
  to_port                      = local.ports.iam
}

resource "aws_vpc_security_group_egress_rule" "pollers" {
  count = var.read_by_lambda ? 1 : 0

  security_group_id            = aws_security_group.this.id
  description                  = "pollers of Lambda, to the brokers"
  referenced_security_group_id = aws_security_group.this.id
  ip_protocol                  = "tcp"
  from_port                    = local.ports.iam
  to_port                      = local.ports.iam
}

resource "aws_vpc_security_group_egress_rule" "pollers_to_aws" {
  count = var.read_by_lambda ? 1 : 0

  security_group_id = aws_security_group.this.id
  description       = "pollers of Lambda, to AWS"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

# A record that was acknowledged is on two of three brokers at least; nobody makes a topic by a slip of the pen.
resource "aws_msk_configuration" "this" {
  name           = "${var.name}-kafka"
  kafka_versions = [var.kafka_version]

  server_properties = <<-PROPERTIES
    auto.create.topics.enable=false
    delete.topic.enable=true
    default.replication.factor=3
    min.insync.replicas=2
    unclean.leader.election.enable=false
    transaction.state.log.replication.factor=3
    transaction.state.log.min.isr=2
    offsets.topic.replication.factor=3
  PROPERTIES

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/aws/msk/${var.name}-kafka"
  retention_in_days = var.log_days
  kms_key_id        = var.kms_key_arn
}

resource "aws_msk_cluster" "this" {
  cluster_name           = "${var.name}-kafka"
  kafka_version          = var.kafka_version
  number_of_broker_nodes = var.brokers
  enhanced_monitoring    = "PER_TOPIC_PER_BROKER"

  broker_node_group_info {
    instance_type   = var.instance_type
    client_subnets  = var.subnet_ids
    security_groups = [aws_security_group.this.id]

    storage_info {
      ebs_storage_info {
        volume_size = var.storage_gb
      }
    }
  }

  configuration_info {
    arn      = aws_msk_configuration.this.arn
    revision = aws_msk_configuration.this.latest_revision
  }

  client_authentication {
    unauthenticated = false

    sasl {
      iam   = true
      scram = true
    }
  }

  encryption_info {
    encryption_at_rest_kms_key_arn = var.kms_key_arn

    encryption_in_transit {
      client_broker = "TLS"
      in_cluster    = true
    }
  }

  open_monitoring {
    prometheus {
      jmx_exporter {
        enabled_in_broker = true
      }

      node_exporter {
        enabled_in_broker = true
      }
    }
  }

  logging_info {
    broker_logs {
      cloudwatch_logs {
        enabled   = true
        log_group = aws_cloudwatch_log_group.this.name
      }
    }
  }

  lifecycle {
    precondition {
      condition     = var.brokers % length(var.subnet_ids) == 0
      error_message = "brokers must be a multiple of the number of subnet_ids."
    }
  }
}

# Who comes by a password: the job where it runs in the other cloud, and what watches the brokers. The secrets are made by hand, as a
# password that Terraform knew would stand in its state.
resource "aws_msk_scram_secret_association" "this" {
  count = length(var.scram_secret_arns) == 0 ? 0 : 1

  cluster_arn     = aws_msk_cluster.this.arn
  secret_arn_list = var.scram_secret_arns
}
