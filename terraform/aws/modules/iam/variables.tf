variable "cluster_name" {
  description = "The EKS cluster whose service accounts get roles."
  type        = string
}

variable "namespace" {
  description = "The namespace of the shop."
  type        = string
  default     = "ecommerce"
}

variable "name" {
  description = "What the names of the roles begin with."
  type        = string
  default     = "ecommerce"
}

variable "buckets" {
  description = "The ARNs of the buckets by what they are for: product-images, order-documents, analytics-results."
  type        = map(string)

  validation {
    condition     = length(setsubtract(["product-images", "order-documents", "analytics-results"], keys(var.buckets))) == 0
    error_message = "buckets must have product-images, order-documents and analytics-results."
  }
}

variable "tables" {
  description = "The ARNs of the tables by what they hold: sessions, carts, notifications."
  type        = map(string)

  validation {
    condition     = length(setsubtract(["sessions", "carts", "notifications"], keys(var.tables))) == 0
    error_message = "tables must have sessions, carts and notifications."
  }
}

variable "topic_arn" {
  description = "The SNS topic of notifications."
  type        = string
}

variable "cluster_arn" {
  description = "The MSK cluster."
  type        = string

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:kafka:[^:]+:[0-9]{12}:cluster/[^/]+/[^/]+$", var.cluster_arn))
    error_message = "cluster_arn must be the ARN of an MSK cluster."
  }
}

variable "secret_arns" {
  description = "The secrets that External Secrets may read; none: it gets no role."
  type        = list(string)
  default     = []
}

variable "target_group_arns" {
  description = "The target groups that the load-balancer controller enters pods into; none: it gets no role."
  type        = list(string)
  default     = []
}
