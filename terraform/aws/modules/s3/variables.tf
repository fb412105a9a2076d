variable "name" {
  description = "What the names of the buckets begin with."
  type        = string
  default     = "ecommerce"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,20}$", var.name))
    error_message = "name must be 2 to 21 lower-case letters, digits and hyphens, a letter first: names of buckets have at most 63."
  }
}

variable "account_id" {
  description = "The account, which the names of the buckets end with: they are unique in the world."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id must be the 12 digits of an AWS account."
  }
}

variable "kms_key_arn" {
  description = "The key that objects are encrypted with; null: the one of S3 (SSE-S3), which costs nothing."
  type        = string
  default     = null
}

variable "old_versions_days" {
  description = "How long what was overwritten or deleted can be had back, in days."
  type        = number
  default     = 30

  validation {
    condition     = var.old_versions_days >= 1 && floor(var.old_versions_days) == var.old_versions_days
    error_message = "old_versions_days must be a whole number of days, at least 1."
  }
}

variable "force_destroy" {
  description = "Whether `terraform destroy` deletes buckets that hold objects."
  type        = bool
  default     = false
}
