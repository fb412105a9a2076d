resource "aws_db_subnet_group" "this" {
  name       = "${var.name}-postgres-replica"
  subnet_ids = var.subnet_ids
}

# As the database's own, which is of another region.
resource "aws_db_parameter_group" "this" {
  name_prefix = "${var.name}-postgres${var.engine_version}-replica-"
  family      = "postgres${var.engine_version}"
  description = "TLS only, and what took long is in the log"

  parameter {
    name  = "rds.force_ssl"
    value = "1"
  }

  parameter {
    name  = "log_min_duration_statement"
    value = "1000"
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_db_instance" "this" {
  #checkov:skip=CKV_AWS_118:as for the database itself
  #checkov:skip=CKV_AWS_157:it stands by for a region; a standby of its own it is given when it is promoted
  identifier          = "${var.name}-postgres-replica"
  replicate_source_db = var.source_arn
  instance_class      = var.instance_class

  storage_type          = "gp3"
  storage_encrypted     = true
  kms_key_id            = var.kms_key_arn
  max_allocated_storage = var.most_storage_gb

  db_subnet_group_name   = aws_db_subnet_group.this.name
  vpc_security_group_ids = var.security_group_ids
  parameter_group_name   = aws_db_parameter_group.this.name
  publicly_accessible    = false

  iam_database_authentication_enabled = true
  auto_minor_version_upgrade          = true
  # So that it has backups from the moment of its promotion on.
  backup_retention_period         = var.backup_days
  copy_tags_to_snapshot           = true
  deletion_protection             = var.deletion_protection
  skip_final_snapshot             = true
  enabled_cloudwatch_logs_exports = ["postgresql", "upgrade"]
  performance_insights_enabled    = true
  performance_insights_kms_key_id = var.kms_key_arn
}
