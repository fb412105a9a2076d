variable "name" {
  description = "What the names of all parts begin with."
  type        = string
  default     = "ecommerce"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}$", var.name))
    error_message = "name must be 2 to 31 lower-case letters, digits and hyphens, a letter first."
  }
}

variable "cidr" {
  description = "The addresses of the VPC."
  type        = string
  default     = "10.0.0.0/16"

  validation {
    condition     = can(cidrhost(var.cidr, 0)) && try(tonumber(split("/", var.cidr)[1]) <= 20, false)
    error_message = "cidr must be an IPv4 network of at most 20 bits, such as 10.0.0.0/16."
  }
}

variable "availability_zones" {
  description = "The zones, one public and one private subnet in each."
  type        = list(string)
  default     = ["us-east-1a", "us-east-1b", "us-east-1c"]

  validation {
    condition     = length(var.availability_zones) >= 2 && length(distinct(var.availability_zones)) == length(var.availability_zones)
    error_message = "availability_zones must name at least two zones, each once: EKS, RDS and the load balancer want them."
  }
}

variable "public_subnets" {
  description = "The addresses of the public subnets, in the sequence of the zones: load balancer and NAT gateways."
  type        = list(string)
  default     = ["10.0.1.0/24", "10.0.2.0/24", "10.0.3.0/24"]

  validation {
    condition     = alltrue([for subnet in var.public_subnets : can(cidrhost(subnet, 0))])
    error_message = "public_subnets must be IPv4 networks."
  }
}

variable "private_subnets" {
  description = "The addresses of the private subnets, in the sequence of the zones: everything else."
  type        = list(string)
  default     = ["10.0.11.0/24", "10.0.12.0/24", "10.0.13.0/24"]

  validation {
    condition     = alltrue([for subnet in var.private_subnets : can(cidrhost(subnet, 0))])
    error_message = "private_subnets must be IPv4 networks."
  }
}

variable "nat_gateways" {
  description = "`per_zone`: the loss of a zone leaves the others their way out, for some 33 USD a month each; `single`: one for all."
  type        = string
  default     = "per_zone"

  validation {
    condition     = contains(["per_zone", "single"], var.nat_gateways)
    error_message = "nat_gateways must be per_zone or single."
  }
}

variable "flow_log_days" {
  description = "How long the log of connections is kept, in days."
  type        = number
  default     = 30

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 180, 365], var.flow_log_days)
    error_message = "flow_log_days must be one of the periods of CloudWatch: 1, 3, 5, 7, 14, 30, 60, 90, 180 or 365."
  }
}

variable "kms_key_arn" {
  description = "The key that the log of connections is encrypted with; null: the one of CloudWatch."
  type        = string
  default     = null
}

variable "cluster_name" {
  description = "The EKS cluster whose load balancers may use the subnets."
  type        = string
  default     = "ecommerce-eks"
}
