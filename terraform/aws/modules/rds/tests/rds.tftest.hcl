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

  # Not taken without password_version. Terraform's tests want a value of every ephemeral variable.
  password = "a-password-of-the-test"
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

run "rds_makes_and_keeps_its_password" {
  assert {
    condition     = aws_db_instance.this.manage_master_user_password && length(aws_secretsmanager_secret.password) == 0
    error_message = "nobody makes the password, or two do"
  }

  assert {
    condition     = output.secret_arn == "arn:aws:secretsmanager:us-east-1:123456789012:secret:rds"
    error_message = "the secret is not the one that RDS keeps"
  }
}

run "a_given_password_is_in_a_secret_and_in_no_state" {
  variables {
    password_version = 3
    password_regions = ["us-west-2"]
  }

  assert {
    condition     = coalesce(aws_db_instance.this.manage_master_user_password, false) == false && aws_db_instance.this.password_wo_version == 3
    error_message = "RDS makes the password still, or the database has not the one that is given"
  }

  assert {
    condition     = aws_db_instance.this.password == null && aws_db_instance.this.password_wo == null && aws_secretsmanager_secret_version.password[0].secret_string_wo == null
    error_message = "the password is in the state"
  }

  assert {
    condition = (
      aws_secretsmanager_secret_version.password[0].secret_string_wo_version == 3 &&
      [for copy in aws_secretsmanager_secret.password[0].replica : copy.region] == ["us-west-2"] &&
      output.secret_arn == aws_secretsmanager_secret.password[0].arn
    )
    error_message = "the secret has another password, is not copied, or is not the one that is told of"
  }
}

run "a_password_that_rds_would_refuse_is_refused" {
  command = plan

  variables {
    password         = "p@ss/word of the test"
    password_version = 1
  }

  expect_failures = [var.password]
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
