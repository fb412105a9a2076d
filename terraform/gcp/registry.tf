resource "google_artifact_registry_repository" "this" {
  #checkov:skip=CKV_GCP_84:Google's own keys encrypt it; images hold no secret
  repository_id = var.name
  location      = var.region
  format        = "DOCKER"
  description   = "Images"

  # A tag stays what it was.
  docker_config {
    immutable_tags = true
  }

  cleanup_policies {
    id     = "untagged"
    action = "DELETE"

    condition {
      tag_state  = "UNTAGGED"
      older_than = "1209600s"
    }
  }

  depends_on = [google_project_service.this]
}
