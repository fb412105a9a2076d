# What the job runs as, on Dataproc, in GKE, and in AWS.
resource "google_service_account" "job" {
  account_id   = "${var.name}-flink"
  display_name = "The job that counts orders"

  depends_on = [google_project_service.this]
}

locals {
  job_roles = toset(concat(
    ["roles/dataproc.worker"],
    var.broad_roles ? ["roles/storage.admin", "roles/dataproc.editor"] : [],
  ))
  job_buckets = {
    code    = google_storage_bucket.code.name
    results = google_storage_bucket.results.name
  }
  job_subject = split("/", var.job_service_account)
}

resource "google_project_iam_member" "job" {
  for_each = local.job_roles

  project = var.project_id
  role    = each.value
  member  = google_service_account.job.member
}

resource "google_storage_bucket_iam_member" "job" {
  for_each = local.job_buckets

  bucket = each.value
  role   = "roles/storage.objectAdmin"
  member = google_service_account.job.member
}

# The job's pod in GKE is this account.
resource "google_service_account_iam_member" "job_in_gke" {
  service_account_id = google_service_account.job.name
  role               = "roles/iam.workloadIdentityUser"
  member             = "serviceAccount:${var.project_id}.svc.id.goog[${var.job_service_account}]"

  # The pool is there once the first cluster that uses it is.
  depends_on = [google_container_cluster.this]
}

# What GKE's machines run as: logs, metrics and images, and nothing else.
resource "google_service_account" "nodes" {
  account_id   = "${var.name}-gke-nodes"
  display_name = "GKE's machines"

  depends_on = [google_project_service.this]
}

resource "google_project_iam_member" "nodes" {
  project = var.project_id
  role    = "roles/container.defaultNodeServiceAccount"
  member  = google_service_account.nodes.member
}

resource "google_artifact_registry_repository_iam_member" "nodes" {
  location   = google_artifact_registry_repository.this.location
  repository = google_artifact_registry_repository.this.name
  role       = "roles/artifactregistry.reader"
  member     = google_service_account.nodes.member
}
