# What there is of the database in another region, where that is asked for: its backups, by which it can be had as it was at any
# second of the last days, and a replica, which is seconds behind.
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

module "replica" {
  source    = "./modules/replica"
  count     = var.db_replica == null ? 0 : 1
  providers = { aws = aws.elsewhere }

  name                = var.name
  source_arn          = module.rds.arn
  subnet_ids          = var.db_replica.subnet_ids
  security_group_ids  = var.db_replica.security_group_ids
  instance_class      = coalesce(var.db_replica.instance_class, var.db_instance_class)
  backup_days         = var.backup_region_days
  deletion_protection = var.deletion_protection
  kms_key_arn         = aws_kms_key.backups[0].arn
}
