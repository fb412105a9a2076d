resource "google_storage_bucket" "code" {
  #checkov:skip=CKV_GCP_62:who reads what is for the project's audit logs, where it has them on
  # Named when the job was to be one of Flink; who submits it relies upon the name.
  name                        = "${var.name}-flink-code-${var.project_id}"
  location                    = var.region
  force_destroy               = var.force_destroy
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"

  versioning {
    enabled = true
  }

  lifecycle_rule {
    action {
      type = "Delete"
    }

    condition {
      num_newer_versions = 10
      with_state         = "ARCHIVED"
    }
  }

  depends_on = [google_project_service.this]
}

resource "google_storage_bucket" "results" {
  #checkov:skip=CKV_GCP_62:who reads what is for the project's audit logs, where it has them on
  #checkov:skip=CKV_GCP_78:what was deleted is kept a week; the job writes the rest again
  name                        = "${var.name}-analytics-results-${var.project_id}"
  location                    = var.region
  force_destroy               = var.force_destroy
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"

  # An hour's file is written again whole as its windows are revised: older ones need not be kept for long.
  soft_delete_policy {
    retention_duration_seconds = 604800
  }

  depends_on = [google_project_service.this]
}
