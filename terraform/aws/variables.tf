variable "region" {
  description = "The region."
  type        = string
  default     = "us-east-1"
}

variable "name" {
  description = "What names begin with."
  type        = string
  default     = "ecommerce"
}

variable "environment" {
  description = "Which installation it is: the tag `Environment`."
  type        = string
  default     = "production"

  validation {
    condition     = contains(["staging", "production"], var.environment)
    error_message = "environment must be staging or production."
  }
}

variable "created_at" {
  description = "The day on which it was made, for the tag `CreatedAt`: a setting, so that no plan changes it."
  type        = string
  default     = "2026-11-26"

  validation {
    condition     = can(regex("^[0-9]{4}-[0-9]{2}-[0-9]{2}$", var.created_at))
    error_message = "created_at must be a day, such as 2026-11-26."
  }
}

variable "vpc_cidr" {
  description = "The addresses of the VPC; they must not overlap `gcp_cidrs`."
  type        = string
  default     = "10.0.0.0/16"
}

variable "gcp_cidrs" {
  description = "The networks of the other cloud that may reach Kafka through the tunnels: its machines, and GKE's pods."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for cidr in values(var.gcp_cidrs) : can(cidrnetmask(cidr))])
    error_message = "gcp_cidrs must be IPv4 networks, such as { machines = \"10.20.0.0/20\", pods = \"10.24.0.0/16\" }."
  }

  # Two networks share addresses where the wider of them holds the first of the other.
  validation {
    condition = alltrue([
      for cidr in values(var.gcp_cidrs) :
      cidrhost("${split("/", cidr)[0]}/${min(tonumber(split("/", cidr)[1]), tonumber(split("/", var.vpc_cidr)[1]))}", 0) !=
      cidrhost("${split("/", var.vpc_cidr)[0]}/${min(tonumber(split("/", cidr)[1]), tonumber(split("/", var.vpc_cidr)[1]))}", 0)
      if can(cidrnetmask(cidr))
    ])
    error_message = "gcp_cidrs must not share addresses with vpc_cidr."
  }
}

variable "gcp_vpn" {
  description = "The other cloud's gateway: its two addresses (output `vpn_addresses` of terraform/gcp) and its autonomous system number; null: there are no tunnels."
  type = object({
    addresses = list(string)
    asn       = optional(number, 64514)
  })
  default = null
}

variable "nat_gateways" {
  description = "`per_zone` or `single`."
  type        = string
  default     = "per_zone"
}

variable "api_cidrs" {
  description = "Networks that may reach the API of Kubernetes from outside; empty: none."
  type        = list(string)
  default     = []
}

variable "admin_role_arns" {
  description = "Roles that may do everything in the cluster, by what they are called here."
  type        = map(string)
  default     = {}
}

variable "nodes" {
  description = "The nodes: their kind, how many there are at the beginning, at least and at most, and their disk in GB."
  type = object({
    instance_types = list(string)
    desired        = number
    fewest         = number
    most           = number
    disk_gb        = number
  })
  default = { instance_types = ["t3.medium"], desired = 3, fewest = 3, most = 10, disk_gb = 50 }
}

variable "spot" {
  description = "Nodes beside them that AWS may take back at two minutes' notice, for a third of the price, their kinds and how many at most; null: none. With them goes the component `spot` of k8s."
  type = object({
    instance_types = list(string)
    most           = number
  })
  default = null
}

variable "db_instance_class" {
  description = "The size of the database."
  type        = string
  default     = "db.t3.micro"
}

variable "db_multi_az" {
  description = "Whether the database has a standby."
  type        = bool
  default     = false
}

variable "backup_region" {
  description = "The region that the database's backups are copied to as well, one that RDS pairs with `region`; null: they stay where they are."
  type        = string
  default     = null

  validation {
    condition     = var.backup_region == null || (var.backup_region != var.region && can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.backup_region)))
    error_message = "backup_region must be a region, and another one than region."
  }
}

variable "backup_region_days" {
  description = "How long they are kept there, in days."
  type        = number
  default     = 30

  validation {
    condition     = var.backup_region_days >= 1 && var.backup_region_days <= 35
    error_message = "backup_region_days must be 1 to 35."
  }
}

variable "db_password" {
  description = "The database's password, where RDS is not to make one: 16 to 128 printable characters without `/`, `@`, `\"` and spaces, best given as `TF_VAR_db_password`. It is in neither state nor plan, and taken with `db_password_version` only."
  type        = string
  default     = null
  ephemeral   = true
  sensitive   = true
}

variable "db_password_version" {
  description = "A number that is raised with each new `db_password`, which is written then and at no other time; null: RDS makes the password, keeps and changes it."
  type        = number
  default     = null
}

variable "db_replica" {
  description = "The database's replica in `backup_region`, in private subnets of a VPC there; null: none. RDS refuses one while it keeps the password, so `db_password_version` must be set."
  type = object({
    subnet_ids         = list(string)
    security_group_ids = list(string)
    instance_class     = optional(string)
  })
  default = null

  validation {
    condition     = var.db_replica == null || var.backup_region != null
    error_message = "db_replica needs backup_region: that is where it is."
  }

  validation {
    condition     = var.db_replica == null || var.db_password_version != null
    error_message = "db_replica needs db_password and db_password_version: RDS refuses a replica of a database whose password it keeps."
  }
}

variable "kafka_brokers" {
  description = "How many brokers: a multiple of three."
  type        = number
  default     = 3
}

variable "kafka_instance_type" {
  description = "The size of a broker."
  type        = string
  default     = "kafka.t3.small"
}

variable "scram_secret_arns" {
  description = "Secrets with a user and a password each, for clients without an AWS identity: see modules/msk."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for arn in var.scram_secret_arns : can(regex("^arn:aws[a-z-]*:secretsmanager:[^:]+:[0-9]{12}:secret:AmazonMSK_", arn))])
    error_message = "scram_secret_arns must be ARNs of secrets whose names begin with AmazonMSK_."
  }
}

variable "certificate_arn" {
  description = "The certificate of the shop's name; null: served in plain, for a trial."
  type        = string
  default     = null
}

variable "notification_package" {
  description = "The archive of the notification function: bucket, key and base64 of its SHA-256; null: it runs in the cluster instead. With it goes the component `notification-function` of k8s, and a secret `NAME/service-tokens`."
  type = object({
    bucket        = string
    key           = string
    source_sha256 = string
  })
  default = null
}

variable "mailers" {
  description = "What mails notifications to users, by what it is called here: ARNs of queues or functions, see modules/sns. Without any nobody is mailed."
  type        = map(string)
  default     = {}
}

variable "alert_emails" {
  description = "Addresses of operators, who are told of costs (`monthly_budget_usd`) and never of what is for users."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for address in var.alert_emails : can(regex("^[^@[:space:]]+@[^@[:space:]]+[.][^@[:space:]]+$", address))])
    error_message = "alert_emails must be e-mail addresses."
  }
}

variable "deletion_protection" {
  description = "Whether database, tables and load balancer refuse to be deleted."
  type        = bool
  default     = true
}

variable "monthly_budget_usd" {
  description = "The costs of a month, in USD, at whose 80 % and forecast 100 % `alert_emails` are told; null: nobody is."
  type        = number
  default     = null
}
