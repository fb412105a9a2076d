variable "name" {
  description = "What the names of all parts begin with."
  type        = string
  default     = "ecommerce"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,20}$", var.name))
    error_message = "name must be 2 to 21 lower-case letters, digits and hyphens, a letter first: names of load balancers have at most 32."
  }
}

variable "vpc_id" {
  description = "The VPC that the load balancer is in."
  type        = string
}

variable "subnet_ids" {
  description = "Public subnets of at least two zones."
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) >= 2
    error_message = "subnet_ids must name subnets of at least two zones."
  }
}

variable "certificate_arn" {
  description = "The certificate of the shop's name. Without one it is served in plain, which is for a trial only."
  type        = string
  default     = null

  validation {
    condition     = var.certificate_arn == null || can(regex("^arn:aws[a-z-]*:(acm|iam):", var.certificate_arn))
    error_message = "certificate_arn must be the ARN of a certificate of ACM or IAM."
  }
}

variable "deletion_protection" {
  description = "Whether the load balancer refuses to be deleted."
  type        = bool
  default     = true
}

variable "idle_timeout_s" {
  description = "How long a connection may be idle, in seconds; below the gateway's, so that none is closed while a request is on its way."
  type        = number
  default     = 60
}

variable "log_bucket" {
  description = "The bucket that requests are logged to; null: they are not."
  type        = string
  default     = null
}
