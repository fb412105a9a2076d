variable "name" {
  description = "What the name of the topic begins with."
  type        = string
  default     = "ecommerce"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}$", var.name))
    error_message = "name must be 2 to 31 lower-case letters, digits and hyphens, a letter first."
  }
}

variable "email_subscribers" {
  description = "Addresses that get every message. Each confirms it by a link first; so these are for operators, and no message holds personal data."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for address in var.email_subscribers : can(regex("^[^@[:space:]]+@[^@[:space:]]+[.][^@[:space:]]+$", address))])
    error_message = "email_subscribers must be e-mail addresses."
  }
}

variable "kms_key_arn" {
  description = "The key that messages are encrypted with while they wait; null: the one of SNS in the account."
  type        = string
  default     = null
}
