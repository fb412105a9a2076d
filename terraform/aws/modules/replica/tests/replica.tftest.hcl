mock_provider "aws" {}

variables {
  source_arn         = "arn:aws:rds:us-east-1:123456789012:db:ecommerce-postgres"
  subnet_ids         = ["subnet-1", "subnet-2"]
  security_group_ids = ["sg-elsewhere"]
  kms_key_arn        = "arn:aws:kms:us-west-2:123456789012:key/1"
}

run "it_is_a_replica_of_the_database" {
  assert {
    condition     = aws_db_instance.this.replicate_source_db == var.source_arn && aws_db_instance.this.instance_class == "db.t3.micro"
    error_message = "it follows another database, or is of another size"
  }
}

run "it_is_private_encrypted_by_a_key_of_its_region_and_speaks_tls_only" {
  assert {
    condition = (
      !aws_db_instance.this.publicly_accessible && aws_db_instance.this.storage_encrypted &&
      aws_db_instance.this.kms_key_id == var.kms_key_arn && aws_db_instance.this.vpc_security_group_ids == toset(["sg-elsewhere"])
    )
    error_message = "it is public, open to others, or not encrypted by that key"
  }

  assert {
    condition     = contains([for parameter in aws_db_parameter_group.this.parameter : "${parameter.name}=${parameter.value}"], "rds.force_ssl=1")
    error_message = "it takes connections without TLS"
  }
}

run "once_promoted_it_has_backups_and_is_not_deleted_by_mistake" {
  assert {
    condition     = aws_db_instance.this.backup_retention_period == 30 && aws_db_instance.this.deletion_protection
    error_message = "it has no backups, or can be deleted"
  }
}

run "a_database_without_its_region_is_refused" {
  command = plan

  variables {
    source_arn = "ecommerce-postgres"
  }

  expect_failures = [var.source_arn]
}

run "the_default_security_group_is_refused" {
  command = plan

  variables {
    security_group_ids = []
  }

  expect_failures = [var.security_group_ids]
}
