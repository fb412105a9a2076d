variable "name" {
  description = "The name of the cluster."
  type        = string
  default     = "ecommerce-eks"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,60}$", var.name))
    error_message = "name must be 2 to 61 lower-case letters, digits and hyphens, a letter first."
  }
}

variable "kubernetes_version" {
  description = "Kubernetes' version. 1.28, which was asked for, is past its extended support."
  type        = string
  default     = "1.35"

  validation {
    condition     = can(regex("^1[.](3[3-9]|[4-9][0-9])$", var.kubernetes_version))
    error_message = "kubernetes_version must be a version that EKS still takes, such as 1.35."
  }
}

variable "subnet_ids" {
  description = "Private subnets of at least two zones, for nodes and control plane."
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) >= 2
    error_message = "subnet_ids must name subnets of at least two zones."
  }
}

variable "api_cidrs" {
  description = "Networks that may reach the API from outside the VPC; empty: none, and it has no public address."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for cidr in var.api_cidrs : can(cidrhost(cidr, 0)) && cidr != "0.0.0.0/0"])
    error_message = "api_cidrs must be IPv4 networks, and not the whole internet."
  }
}

variable "admin_role_arns" {
  description = "Roles that may do everything in the cluster, by what they are called here."
  type        = map(string)
  default     = {}
}

variable "kms_key_arn" {
  description = "The key that secrets and the control plane's log are encrypted with; null: a key is made for the secrets."
  type        = string
  default     = null
}

variable "nodes" {
  description = "The primary nodes: their kind, how many there are at the beginning, at least and at most, and their disk in GB."
  type = object({
    instance_types = list(string)
    desired        = number
    fewest         = number
    most           = number
    disk_gb        = number
  })
  default = { instance_types = ["t3.medium"], desired = 3, fewest = 3, most = 10, disk_gb = 50 }

  validation {
    condition     = var.nodes.fewest >= 1 && var.nodes.fewest <= var.nodes.desired && var.nodes.desired <= var.nodes.most
    error_message = "nodes must have 1 <= fewest <= desired <= most."
  }
}

variable "spot" {
  description = "Nodes beside them that AWS may take back at two minutes' notice, for a third of the price; null: none."
  type = object({
    instance_types = list(string)
    most           = number
  })
  default = null
}

variable "log_days" {
  description = "How long the control plane's log is kept, in days."
  type        = number
  default     = 30
}
