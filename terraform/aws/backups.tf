# The database's backups in another region too, where that is asked for: it can be had there as it was at any second of the last days.
locals {
  has_backups_elsewhere = var.backup_region != null
}

provider "aws" {
  alias  = "elsewhere"
  region = coalesce(var.backup_region, var.region)

  default_tags {
    tags = local.tags
  }
}

# Keys stay in their region, so what is encrypted needs one there.
resource "aws_kms_key" "backups" {
  #checkov:skip=CKV2_AWS_64:without a policy of its own the account's IAM decides, as it does over everything here
  provider = aws.elsewhere
  count    = local.has_backups_elsewhere ? 1 : 0

  description             = "Backups of ${var.name}-postgres from ${var.region}"
  enable_key_rotation     = true
  deletion_window_in_days = 30
}

resource "aws_db_instance_automated_backups_replication" "this" {
  provider = aws.elsewhere
  count    = local.has_backups_elsewhere ? 1 : 0

  source_db_instance_arn = module.rds.arn
  kms_key_id             = aws_kms_key.backups[0].arn
  retention_period       = var.backup_region_days
}
