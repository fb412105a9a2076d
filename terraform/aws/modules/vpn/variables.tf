variable "name" {
  description = "What names begin with."
  type        = string
  default     = "ecommerce"
}

variable "vpc_id" {
  description = "The VPC."
  type        = string
}

variable "route_table_ids" {
  description = "The tables that learn the routes to the other cloud."
  type        = list(string)
}

variable "asn" {
  description = "The autonomous system number of this side."
  type        = number
  default     = 64512
}

variable "peer_asn" {
  description = "That of the other side."
  type        = number
  default     = 64514

  validation {
    condition     = var.peer_asn != var.asn
    error_message = "peer_asn must not be this side's."
  }
}

variable "peer_addresses" {
  description = "The two addresses of the other cloud's gateway: output `vpn_addresses` of terraform/gcp."
  type        = list(string)

  validation {
    condition     = length(var.peer_addresses) == 2 && alltrue([for address in var.peer_addresses : can(cidrnetmask("${address}/32"))])
    error_message = "peer_addresses must be two IPv4 addresses."
  }
}
