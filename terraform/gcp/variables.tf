variable "project_id" {
  description = "The project."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "project_id must be 6 to 30 lower-case letters, digits and hyphens, a letter first and no hyphen last."
  }
}

variable "region" {
  description = "The region."
  type        = string
  default     = "us-central1"

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "region must be a region, such as us-central1, not a zone."
  }
}

variable "name" {
  description = "What names begin with."
  type        = string
  default     = "ecommerce"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,15}$", var.name))
    error_message = "name must be 2 to 16 lower-case letters, digits and hyphens, a letter first."
  }
}

variable "environment" {
  description = "Which installation it is: the label `environment`."
  type        = string
  default     = "production"

  validation {
    condition     = contains(["staging", "production"], var.environment)
    error_message = "environment must be staging or production."
  }
}

variable "created_at" {
  description = "The day on which it was made, for the label `created_at`: a setting, so that no plan changes it."
  type        = string
  default     = "2026-11-26"

  validation {
    condition     = can(regex("^[0-9]{4}-[0-9]{2}-[0-9]{2}$", var.created_at))
    error_message = "created_at must be a day, such as 2026-11-26."
  }
}

variable "subnet_cidr" {
  description = "The addresses of the machines; they must not overlap those of the VPC in AWS, 10.0.0.0/16 there by default."
  type        = string
  default     = "10.20.0.0/20"

  validation {
    condition     = can(cidrnetmask(var.subnet_cidr))
    error_message = "subnet_cidr must be an IPv4 network, such as 10.20.0.0/20."
  }
}

variable "pods_cidr" {
  description = "The addresses of GKE's pods."
  type        = string
  default     = "10.24.0.0/16"

  validation {
    condition     = can(cidrnetmask(var.pods_cidr))
    error_message = "pods_cidr must be an IPv4 network, such as 10.24.0.0/16."
  }
}

variable "services_cidr" {
  description = "The addresses of GKE's services."
  type        = string
  default     = "10.25.0.0/20"

  validation {
    condition     = can(cidrnetmask(var.services_cidr))
    error_message = "services_cidr must be an IPv4 network, such as 10.25.0.0/20."
  }
}

variable "control_plane_cidr" {
  description = "The addresses of GKE's control plane: a /28 that nothing else has."
  type        = string
  default     = "10.25.16.0/28"

  validation {
    condition     = can(cidrnetmask(var.control_plane_cidr)) && endswith(var.control_plane_cidr, "/28")
    error_message = "control_plane_cidr must be an IPv4 network of 16 addresses, such as 10.25.16.0/28."
  }
}

variable "api_cidrs" {
  description = "Networks that may reach GKE's API from outside, by what they are called; empty: it has no public address."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for cidr in values(var.api_cidrs) : can(cidrnetmask(cidr)) && cidr != "0.0.0.0/0"])
    error_message = "api_cidrs must be IPv4 networks, and not everybody."
  }
}

variable "force_destroy" {
  description = "Whether the buckets are deleted with what is in them. False where results must outlive a slip."
  type        = bool
  default     = true
}

variable "dataproc_machine_type" {
  description = "The size of Dataproc's machines."
  type        = string
  default     = "n1-standard-4"
}

variable "dataproc_workers" {
  description = "How many workers the Dataproc cluster has besides its master; 0: the master does the work."
  type        = number
  default     = 2

  validation {
    condition     = var.dataproc_workers == 0 || var.dataproc_workers >= 2
    error_message = "dataproc_workers must be 0 or at least 2: Dataproc knows no cluster of one worker."
  }
}

variable "dataproc_boot_disk_gb" {
  description = "The size of the machines' disks, in GB."
  type        = number
  default     = 50

  validation {
    condition     = var.dataproc_boot_disk_gb >= 30
    error_message = "dataproc_boot_disk_gb must be at least 30, which the image takes."
  }
}

variable "dataproc_image_version" {
  description = "The image of Dataproc."
  type        = string
  default     = "2.3-debian12"
}

variable "dataproc_idle_delete" {
  description = "After how many seconds without a job the Dataproc cluster deletes itself, such as `3600s`; null: never."
  type        = string
  default     = null

  validation {
    condition     = var.dataproc_idle_delete == null || can(regex("^[0-9]+s$", var.dataproc_idle_delete))
    error_message = "dataproc_idle_delete must be seconds, such as 3600s."
  }
}

variable "gke_machine_type" {
  description = "The size of GKE's machines."
  type        = string
  default     = "e2-standard-2"
}

variable "gke_nodes" {
  description = "How many machines GKE has in each of the region's zones, at least and at most."
  type = object({
    least = number
    most  = number
  })
  default = { least = 1, most = 3 }

  validation {
    condition     = var.gke_nodes.least >= 0 && var.gke_nodes.most >= max(1, var.gke_nodes.least)
    error_message = "gke_nodes.most must be at least 1 and at least gke_nodes.least."
  }
}

variable "job_service_account" {
  description = "The service account of the job in Kubernetes, `NAMESPACE/NAME`: in GKE, and in the cluster of `aws_oidc_issuer`."
  type        = string
  default     = "ecommerce/order-analytics"

  validation {
    condition     = can(regex("^[a-z0-9-]+/[a-z0-9-]+$", var.job_service_account))
    error_message = "job_service_account must be NAMESPACE/NAME."
  }
}

variable "broad_roles" {
  description = "Whether the job's account may also do everything with all buckets and submit jobs (Storage Admin, Dataproc Editor). Nothing here needs it."
  type        = bool
  default     = false
}

variable "cloud_sql" {
  description = "The data warehouse in Cloud SQL: its tier and its disk in GB; null: there is none."
  type = object({
    tier    = optional(string, "db-custom-1-3840")
    disk_gb = optional(number, 20)
  })
  default = null
}

variable "deletion_protection" {
  description = "Whether GKE, the warehouse and the table refuse to be deleted."
  type        = bool
  default     = false
}

variable "bigquery" {
  description = "Whether BigQuery reads the Parquet files as the table `analytics_results`."
  type        = bool
  default     = false
}

variable "aws_oidc_issuer" {
  description = "The issuer of the EKS cluster in which the job runs beside MSK, `https://oidc.eks...` (output `oidc_issuer` of terraform/aws); null: it does not."
  type        = string
  default     = null

  validation {
    condition     = var.aws_oidc_issuer == null || can(regex("^https://[^/]+/.+", var.aws_oidc_issuer))
    error_message = "aws_oidc_issuer must be the https:// address of an issuer."
  }
}

variable "vpn" {
  description = "The tunnels to AWS: the autonomous system numbers of both sides, the networks there, and, once terraform/aws has made them, its four tunnels. Null: there are none."
  type = object({
    asn       = optional(number, 64514)
    aws_asn   = optional(number, 64512)
    aws_cidrs = optional(list(string), ["10.0.0.0/16"])
    tunnels = optional(list(object({
      address        = string
      inside_cidr    = string
      inside_address = string
      aws_inside     = string
    })), [])
  })
  default = null

  validation {
    condition     = var.vpn == null || contains([0, 4], length(try(var.vpn.tunnels, [])))
    error_message = "vpn.tunnels must be the four that terraform/aws gives, or none before it has made them."
  }
}

variable "vpn_shared_secrets" {
  description = "The secrets of the four tunnels, in their sequence."
  type        = list(string)
  default     = []
  sensitive   = true
}

variable "billing_account" {
  description = "The billing account whose budget is watched; null: none is."
  type        = string
  default     = null
}

variable "monthly_budget_usd" {
  description = "The costs of a month, in USD, at whose 80 % and forecast 100 % the account's administrators are told."
  type        = number
  default     = 500
}
