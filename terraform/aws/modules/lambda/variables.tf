variable "name" {
  description = "What the names of all parts begin with."
  type        = string
  default     = "ecommerce"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}$", var.name))
    error_message = "name must be 2 to 31 lower-case letters, digits and hyphens, a letter first."
  }
}

variable "package" {
  description = "The archive with the program `bootstrap`: its bucket, key and the base64 of its SHA-256. CI uploads it; nothing is read from this machine."
  type = object({
    bucket        = string
    key           = string
    source_sha256 = string
  })

  validation {
    condition     = can(regex("^[A-Za-z0-9+/]{43}=$", var.package.source_sha256))
    error_message = "package.source_sha256 must be the base64 of a SHA-256: `openssl dgst -sha256 -binary FILE | base64`."
  }
}

variable "architecture" {
  description = "What the program was built for."
  type        = string
  default     = "x86_64"

  validation {
    condition     = contains(["x86_64", "arm64"], var.architecture)
    error_message = "architecture must be x86_64 or arm64."
  }
}

variable "memory_mb" {
  description = "Memory of the function, in MB; its share of a processor grows with it."
  type        = number
  default     = 512

  validation {
    condition     = var.memory_mb >= 128 && var.memory_mb <= 10240
    error_message = "memory_mb must be 128 to 10240."
  }
}

variable "timeout_s" {
  description = "How long a batch may take, in seconds."
  type        = number
  default     = 60

  validation {
    condition     = var.timeout_s >= 1 && var.timeout_s <= 900
    error_message = "timeout_s must be 1 to 900."
  }
}

variable "vpc_id" {
  description = "The VPC that the function is in."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets."
  type        = list(string)
}

variable "node_security_group_id" {
  description = "The security group of the cluster's nodes, where the user service runs."
  type        = string
}

variable "tokens_secret" {
  description = "The name of the secret with the services' tokens, an object of JSON, of which the function takes `notification-service`; null: `NAME/service-tokens`. Its key must be the account's own."
  type        = string
  default     = null

  validation {
    condition     = can(regex("^[A-Za-z0-9/_+=.@-]{1,512}$", coalesce(var.tokens_secret, "usual")))
    error_message = "tokens_secret must be the name of a secret, not its ARN."
  }
}

variable "cluster_arn" {
  description = "The MSK cluster whose topics it reads."
  type        = string
}

variable "bootstrap_brokers" {
  description = "The cluster's brokers."
  type        = string
}

variable "topic_arn" {
  description = "The SNS topic that it publishes to."
  type        = string
}

variable "table_arn" {
  description = "The table of what was sent."
  type        = string
}

variable "topics" {
  description = "The topics that it reads, a mapping each."
  type        = set(string)
  default     = ["orders", "notifications"]
}

variable "environment" {
  description = "Further settings, such as LOG_LEVEL; no secrets, which whoever may read the function would see."
  type        = map(string)
  default     = {}
}

variable "pollers" {
  description = "Pollers that are always there, the fewest and the most of a topic. Only these let a batch fail in part."
  type        = object({ fewest = number, most = number })
  default     = { fewest = 1, most = 4 }

  validation {
    condition     = var.pollers.fewest >= 1 && var.pollers.fewest <= var.pollers.most
    error_message = "pollers.fewest must be at least 1 and not above pollers.most."
  }
}

variable "batch_size" {
  description = "The most records of a batch."
  type        = number
  default     = 100
}

variable "log_days" {
  description = "How long the log is kept, in days."
  type        = number
  default     = 30
}

variable "kms_key_arn" {
  description = "The key of environment, log and queue; null: those of the services in the account."
  type        = string
  default     = null
}
