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
  description = "The VPC that the brokers are in."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets, one a zone; the brokers are divided among them."
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) >= 2
    error_message = "subnet_ids must name subnets of at least two zones."
  }
}

variable "client_security_group_ids" {
  description = "Who may connect, by what they are called here."
  type        = map(string)
}

variable "client_cidrs" {
  description = "Networks that may connect, by what they are called here: the subnet in the other cloud, for one. Through a tunnel, never from the internet."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for cidr in values(var.client_cidrs) : can(cidrhost(cidr, 0)) && cidr != "0.0.0.0/0"])
    error_message = "client_cidrs must be IPv4 networks, and not the whole internet."
  }
}

variable "read_by_lambda" {
  description = "Whether a function reads topics by event source mappings, whose pollers then connect as one of the brokers' security group."
  type        = bool
  default     = false
}

variable "kafka_version" {
  description = "Kafka's version as MSK names it. 3.5.1, which was asked for, is past its end of support there."
  type        = string
  default     = "3.9.x"

  validation {
    condition     = can(regex("^(3[.]([89]|[1-9][0-9])|[4-9][.][0-9]+)[.](x|[0-9]+)(-kraft|[.]kraft)?$", var.kafka_version))
    error_message = "kafka_version must be a version of MSK from 3.8 on, such as 3.9.x."
  }
}

variable "brokers" {
  description = "How many brokers: a multiple of the number of subnets."
  type        = number
  default     = 3

  validation {
    condition     = var.brokers >= 3
    error_message = "brokers must be at least 3: every record is on three of them."
  }
}

variable "instance_type" {
  description = "The size of a broker."
  type        = string
  default     = "kafka.t3.small"

  validation {
    condition     = startswith(var.instance_type, "kafka.")
    error_message = "instance_type must be one of MSK, such as kafka.t3.small."
  }
}

variable "storage_gb" {
  description = "The storage of a broker, in GB."
  type        = number
  default     = 100

  validation {
    condition     = var.storage_gb >= 1 && var.storage_gb <= 16384
    error_message = "storage_gb must be 1 to 16384."
  }
}

variable "log_days" {
  description = "How long the brokers' log is kept, in days."
  type        = number
  default     = 14
}

variable "kms_key_arn" {
  description = "The key that records and the brokers' log are encrypted with; null: those of the services in the account."
  type        = string
  default     = null
}

variable "scram_secret_arns" {
  description = "Secrets with a user and a password each, for clients without an AWS identity: named `AmazonMSK_...` and encrypted by a key of your own, as MSK wants them."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for arn in var.scram_secret_arns : can(regex("^arn:aws[a-z-]*:secretsmanager:[^:]+:[0-9]{12}:secret:AmazonMSK_", arn))])
    error_message = "scram_secret_arns must be ARNs of secrets whose names begin with AmazonMSK_."
  }
}
