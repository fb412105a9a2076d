# The analytics cloud. Each file beside this one is one concern.

locals {
  labels = {
    environment = var.environment
    project     = var.name
    managed_by  = "terraform"
    created_at  = var.created_at
  }

  has_warehouse = var.cloud_sql != null

  apis = toset(concat(
    [
      "compute.googleapis.com",
      "container.googleapis.com",
      "dataproc.googleapis.com",
      "storage.googleapis.com",
      "sqladmin.googleapis.com",
      "cloudresourcemanager.googleapis.com",
      "artifactregistry.googleapis.com",
      "iamcredentials.googleapis.com",
      "servicenetworking.googleapis.com",
    ],
    var.aws_oidc_issuer == null ? [] : ["sts.googleapis.com"],
    var.bigquery ? ["bigquery.googleapis.com"] : [],
    var.billing_account == null ? [] : ["billingbudgets.googleapis.com"],
  ))
}

data "google_project" "this" {
  project_id = var.project_id
}

resource "google_project_service" "this" {
  for_each = local.apis

  service = each.value
  # Others in the project may use it too.
  disable_on_destroy = false
}
