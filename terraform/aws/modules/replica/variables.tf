variable "name" {
  description = "What the names of all parts begin with."
  type        = string
  default     = "ecommerce"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}$", var.name))
    error_message = "name must be 2 to 31 lower-case letters, digits and hyphens, a letter first."
  }
}

variable "source_arn" {
  description = "The database, in its own region. RDS refuses one whose password it keeps itself."
  type        = string

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:rds:[a-z0-9-]+:[0-9]{12}:db:", var.source_arn))
    error_message = "source_arn must be the ARN of a database: from another region it has no other name."
  }
}

variable "subnet_ids" {
  description = "Private subnets of at least two zones of this region."
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) >= 2
    error_message = "subnet_ids must name subnets of at least two zones."
  }
}

variable "security_group_ids" {
  description = "The security groups of the replica: who may connect is theirs."
  type        = list(string)

  validation {
    condition     = length(var.security_group_ids) > 0
    error_message = "security_group_ids must name one at least: the default group of the VPC is not meant."
  }
}

variable "engine_version" {
  description = "The database's major version."
  type        = string
  default     = "15"

  validation {
    condition     = can(regex("^1[5-9]$", var.engine_version))
    error_message = "engine_version must be a major version from 15 on, without a minor one."
  }
}

variable "instance_class" {
  description = "The size of the instance."
  type        = string
  default     = "db.t3.micro"

  validation {
    condition     = can(regex("^db[.][a-z0-9]+[.][a-z0-9]+$", var.instance_class))
    error_message = "instance_class must be one of RDS, such as db.t3.micro."
  }
}

variable "most_storage_gb" {
  description = "How far the storage grows by itself, in GB."
  type        = number
  default     = 100
}

variable "backup_days" {
  description = "How long backups are kept, in days, from its promotion on."
  type        = number
  default     = 30

  validation {
    condition     = var.backup_days >= 1 && var.backup_days <= 35
    error_message = "backup_days must be 1 to 35."
  }
}

variable "deletion_protection" {
  description = "Whether the replica refuses to be deleted."
  type        = bool
  default     = true
}

variable "kms_key_arn" {
  description = "The key of storage and insights, of this region: keys stay in theirs."
  type        = string
}
