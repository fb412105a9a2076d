# The password where it is given: in a secret of the shape that RDS gives its own, so that whoever reads that reads this as well.
resource "aws_secretsmanager_secret" "password" {
  #checkov:skip=CKV2_AWS_57:it is changed by a new db_password and its version, as nothing but Terraform knows the database and the secret
  count = local.has_own_password ? 1 : 0

  name        = "${var.name}/postgres"
  description = "User and password of ${var.name}-postgres"
  kms_key_id  = var.kms_key_arn

  # Where everything may be deleted, its name is free again at once.
  recovery_window_in_days = var.deletion_protection ? 30 : 0

  dynamic "replica" {
    for_each = var.password_regions

    content {
      region = replica.value
    }
  }
}

resource "aws_secretsmanager_secret_version" "password" {
  count = local.has_own_password ? 1 : 0

  secret_id                = aws_secretsmanager_secret.password[0].id
  secret_string_wo         = jsonencode({ username = var.name, password = var.password })
  secret_string_wo_version = var.password_version
}
