variable "name" {
  description = "What the name of the topic begins with."
  type        = string
  default     = "ecommerce"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}$", var.name))
    error_message = "name must be 2 to 31 lower-case letters, digits and hyphens, a letter first."
  }
}

variable "mailers" {
  description = "What mails each message to the one whom its attribute `email` names, by what it is called here: ARNs of queues of SQS or functions of Lambda, which must let the topic in."
  type        = map(string)
  default     = {}

  # SNS would mail every message, of every user, to an address that is subscribed.
  validation {
    condition     = alltrue([for arn in values(var.mailers) : can(regex("^arn:aws[a-z-]*:(sqs|lambda):[^:]+:[0-9]{12}:.+$", arn))])
    error_message = "mailers must be ARNs of queues of SQS or functions of Lambda, and no addresses."
  }
}

variable "kms_key_arn" {
  description = "The key that messages are encrypted with while they wait; null: the one of SNS in the account."
  type        = string
  default     = null
}
