variable "name" {
  description = "What the names of the repositories begin with."
  type        = string
  default     = "ecommerce"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}$", var.name))
    error_message = "name must be 2 to 31 lower-case letters, digits and hyphens, a letter first."
  }
}

variable "images" {
  description = "The images, one repository each."
  type        = set(string)
  default = [
    "api-gateway", "user-service", "product-service", "order-service", "payment-service", "notification-service",
    "analytics-service", "order-analytics",
  ]
}

variable "kept_images" {
  description = "How many images of each are kept; older ones are deleted."
  type        = number
  default     = 30

  validation {
    condition     = var.kept_images >= 2
    error_message = "kept_images must be at least 2: there must be one to go back to."
  }
}

variable "kms_key_arn" {
  description = "The key that images are encrypted with; null: AES-256 by ECR."
  type        = string
  default     = null
}
