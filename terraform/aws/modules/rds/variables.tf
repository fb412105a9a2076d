variable "name" {
  description = "What the names of all parts begin with."
  type        = string
  default     = "ecommerce"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}$", var.name))
    error_message = "name must be 2 to 31 lower-case letters, digits and hyphens, a letter first."
  }
}

variable "vpc_id" {
  description = "The VPC that the database is in."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets of at least two zones."
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) >= 2
    error_message = "subnet_ids must name subnets of at least two zones: a standby is in another one."
  }
}

variable "client_security_group_ids" {
  description = "Who may connect, by what they are called here: the security groups of the nodes, for one."
  type        = map(string)
}

variable "engine_version" {
  description = "PostgreSQL's major version; RDS chooses the minor one and keeps it up to date. 15.3, which was asked for, is not offered any more."
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

variable "storage_gb" {
  description = "How much storage it begins with, in GB."
  type        = number
  default     = 20

  validation {
    condition     = var.storage_gb >= 20
    error_message = "storage_gb must be at least 20."
  }
}

variable "most_storage_gb" {
  description = "How far the storage grows by itself, in GB."
  type        = number
  default     = 100
}

variable "multi_az" {
  description = "Whether a standby in another zone takes over, for twice the price."
  type        = bool
  default     = false
}

variable "backup_days" {
  description = "How long backups are kept, in days: the database can be had as it was at any second of them."
  type        = number
  default     = 30

  validation {
    condition     = var.backup_days >= 1 && var.backup_days <= 35
    error_message = "backup_days must be 1 to 35."
  }
}

variable "deletion_protection" {
  description = "Whether the database refuses to be deleted. Without it no last snapshot is taken either."
  type        = bool
  default     = true
}

variable "kms_key_arn" {
  description = "The key of storage, password and insights; null: those of the services in the account."
  type        = string
  default     = null
}

variable "password" {
  description = "The password, where RDS is not to make one: it is in neither state nor plan. 16 to 128 printable characters without `/`, `@`, `\"` and spaces."
  type        = string
  default     = null
  ephemeral   = true
  sensitive   = true

  validation {
    condition     = var.password == null || can(regex("^[!#-.0-?A-~]{16,128}$", var.password))
    error_message = "password must be 16 to 128 printable characters, without a slash, an at sign, a double quote and spaces."
  }
}

variable "password_version" {
  description = "A number that is raised with each new `password`, which is written then and at no other time; null: RDS makes the password, keeps and changes it."
  type        = number
  default     = null
}

variable "password_regions" {
  description = "Other regions that the secret with `password` is copied to."
  type        = set(string)
  default     = []
}
