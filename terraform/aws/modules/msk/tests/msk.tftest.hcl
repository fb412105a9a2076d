mock_provider "aws" {
  mock_resource "aws_msk_configuration" {
    defaults = { arn = "arn:aws:kafka:us-east-1:123456789012:configuration/ecommerce-kafka/1", latest_revision = 1 }
  }

  mock_resource "aws_msk_cluster" {
    defaults = { arn = "arn:aws:kafka:us-east-1:123456789012:cluster/ecommerce-kafka/1" }
  }
}

variables {
  vpc_id                    = "vpc-1"
  subnet_ids                = ["subnet-1", "subnet-2", "subnet-3"]
  client_security_group_ids = { nodes = "sg-nodes", lambda = "sg-lambda" }
}

run "the_cluster_is_the_one_that_was_asked_for" {
  assert {
    condition = (
      aws_msk_cluster.this.cluster_name == "ecommerce-kafka" && aws_msk_cluster.this.kafka_version == "3.9.x" &&
      aws_msk_cluster.this.number_of_broker_nodes == 3 &&
      aws_msk_cluster.this.broker_node_group_info[0].instance_type == "kafka.t3.small" &&
      aws_msk_cluster.this.broker_node_group_info[0].storage_info[0].ebs_storage_info[0].volume_size == 100
    )
    error_message = "name, version or size are others"
  }

  assert {
    condition     = aws_msk_cluster.this.logging_info[0].broker_logs[0].cloudwatch_logs[0].enabled
    error_message = "the brokers' log goes nowhere"
  }
}

run "nobody_is_let_in_whom_it_does_not_know_and_all_is_encrypted" {
  assert {
    condition = (
      !aws_msk_cluster.this.client_authentication[0].unauthenticated &&
      aws_msk_cluster.this.client_authentication[0].sasl[0].iam && aws_msk_cluster.this.client_authentication[0].sasl[0].scram
    )
    error_message = "somebody is let in who is not known, or a way in is missing"
  }

  assert {
    condition = (
      aws_msk_cluster.this.encryption_info[0].encryption_in_transit[0].client_broker == "TLS" &&
      aws_msk_cluster.this.encryption_info[0].encryption_in_transit[0].in_cluster
    )
    error_message = "something goes over the network in plain"
  }

  assert {
    condition     = alltrue([for rule in aws_vpc_security_group_ingress_rule.client : rule.cidr_ipv4 == null && contains([9096, 9098], rule.from_port)]) && length(aws_vpc_security_group_ingress_rule.client) == 4
    error_message = "others than those that were named may connect, or to other ports"
  }
}

run "a_record_that_was_acknowledged_survives_a_broker" {
  assert {
    condition = alltrue([
      for setting in ["default.replication.factor=3", "min.insync.replicas=2", "unclean.leader.election.enable=false", "auto.create.topics.enable=false", "transaction.state.log.min.isr=2"] :
      strcontains(aws_msk_configuration.this.server_properties, setting)
    ])
    error_message = "a setting that keeps records is missing"
  }
}

run "the_other_cloud_is_let_in_where_it_is_named" {
  variables {
    client_cidrs = { gcp = "10.20.0.0/20" }
  }

  assert {
    condition     = length(aws_vpc_security_group_ingress_rule.network) == 2 && alltrue([for rule in aws_vpc_security_group_ingress_rule.network : rule.cidr_ipv4 == "10.20.0.0/20"])
    error_message = "the other cloud cannot connect, or others can"
  }
}

run "pollers_of_lambda_which_are_in_the_brokers_group_connect_where_there_are_any" {
  variables {
    read_by_lambda = true
  }

  assert {
    condition = alltrue([
      for rule in [aws_vpc_security_group_ingress_rule.pollers[0], aws_vpc_security_group_egress_rule.pollers[0]] :
      rule.security_group_id == aws_security_group.this.id && rule.referenced_security_group_id == aws_security_group.this.id && rule.from_port == 9098 && rule.to_port == 9098
    ])
    error_message = "pollers do not reach the brokers, or by more than their identity"
  }

  assert {
    condition     = aws_vpc_security_group_egress_rule.pollers_to_aws[0].from_port == 443 && aws_vpc_security_group_egress_rule.pollers_to_aws[0].to_port == 443
    error_message = "pollers do not reach STS and Lambda, or more than that"
  }
}

run "brokers_connect_to_nobody_unless_pollers_do" {
  assert {
    condition     = length(aws_vpc_security_group_ingress_rule.pollers) + length(aws_vpc_security_group_egress_rule.pollers) + length(aws_vpc_security_group_egress_rule.pollers_to_aws) == 0
    error_message = "there are ways for pollers that nobody asked for"
  }
}

run "the_whole_internet_is_refused" {
  command = plan

  variables {
    client_cidrs = { all = "0.0.0.0/0" }
  }

  expect_failures = [var.client_cidrs]
}

run "a_version_past_its_support_is_refused" {
  command = plan

  variables {
    kafka_version = "3.5.1"
  }

  expect_failures = [var.kafka_version]
}

run "brokers_that_cannot_be_divided_are_refused" {
  command = plan

  variables {
    brokers = 4
  }

  expect_failures = [aws_msk_cluster.this]
}

run "users_with_a_password_are_those_of_the_secrets_that_are_named" {
  variables {
    scram_secret_arns = ["arn:aws:secretsmanager:us-east-1:123456789012:secret:AmazonMSK_job-abcdef"]
  }

  assert {
    condition     = aws_msk_scram_secret_association.this[0].secret_arn_list == toset(var.scram_secret_arns)
    error_message = "other users may come in, or none"
  }
}

run "nobody_comes_by_a_password_unless_asked_for" {
  assert {
    condition     = length(aws_msk_scram_secret_association.this) == 0
    error_message = "there are users that nobody asked for"
  }
}

run "a_secret_that_msk_would_not_take_is_refused" {
  command = plan

  variables {
    scram_secret_arns = ["arn:aws:secretsmanager:us-east-1:123456789012:secret:job-abcdef"]
  }

  expect_failures = [var.scram_secret_arns]
}
