mock_provider "aws" {
  mock_resource "aws_db_instance" {
    defaults = {
      master_user_secret = [{ kms_key_id = "k", secret_arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:rds", secret_status = "active" }]
    }
  }
}

variables {
  vpc_id                    = "vpc-1"
  subnet_ids                = ["subnet-1", "subnet-2", "subnet-3"]
  client_security_group_ids = { nodes = "sg-nodes" }
}

run "the_database_is_the_one_that_was_asked_for" {
  assert {
    condition = (
      aws_db_instance.this.engine == "postgres" && aws_db_instance.this.engine_version == "15" &&
      aws_db_instance.this.instance_class == "db.t3.micro" && aws_db_instance.this.allocated_storage == 20 &&
      aws_db_instance.this.backup_retention_period == 30 && !aws_db_instance.this.multi_az
    )
    error_message = "engine, size or backups are others"
  }
}

run "it_is_private_encrypted_and_speaks_tls_only" {
  assert {
    condition     = !aws_db_instance.this.publicly_accessible && aws_db_instance.this.storage_encrypted
    error_message = "it is public, or not encrypted"
  }

  assert {
    condition     = contains([for parameter in aws_db_parameter_group.this.parameter : "${parameter.name}=${parameter.value}"], "rds.force_ssl=1")
    error_message = "it takes connections without TLS"
  }

  assert {
    condition     = [for rule in aws_vpc_security_group_ingress_rule.client : "${rule.referenced_security_group_id} ${rule.from_port}-${rule.to_port} ${coalesce(rule.cidr_ipv4, "-")}"] == ["sg-nodes 5432-5432 -"]
    error_message = "others than those that were named may connect"
  }
}

run "its_password_is_in_no_state" {
  assert {
    condition     = aws_db_instance.this.manage_master_user_password && aws_db_instance.this.password == null
    error_message = "the password is in the state"
  }
}

run "it_cannot_be_deleted_by_mistake" {
  assert {
    condition     = aws_db_instance.this.deletion_protection && !aws_db_instance.this.skip_final_snapshot
    error_message = "it can be deleted, or without a last snapshot"
  }
}

run "a_minor_version_is_refused" {
  command = plan

  variables {
    engine_version = "15.3"
  }

  expect_failures = [var.engine_version]
}

run "one_zone_is_too_few" {
  command = plan

  variables {
    subnet_ids = ["subnet-1"]
  }

  expect_failures = [var.subnet_ids]
}
