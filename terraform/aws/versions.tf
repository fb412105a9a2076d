terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }

  # State is a file beside this one until a backend is chosen: see README.md.
}

provider "aws" {
  region = var.region

  default_tags {
    tags = local.tags
  }
}
