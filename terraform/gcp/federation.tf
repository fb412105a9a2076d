# The job where it runs beside MSK, in EKS: a token of its service account there is exchanged for one of its account here. No key
# is stored anywhere.
resource "google_iam_workload_identity_pool" "aws" {
  count = var.aws_oidc_issuer == null ? 0 : 1

  workload_identity_pool_id = "${var.name}-aws"
  display_name              = "The cluster in AWS"

  depends_on = [google_project_service.this]
}

resource "google_iam_workload_identity_pool_provider" "eks" {
  count = var.aws_oidc_issuer == null ? 0 : 1

  workload_identity_pool_id          = google_iam_workload_identity_pool.aws[0].workload_identity_pool_id
  workload_identity_pool_provider_id = "eks"
  display_name                       = "EKS"

  attribute_mapping = {
    "google.subject" = "assertion.sub"
  }

  # Of all accounts in that cluster, the job's.
  attribute_condition = "assertion.sub == 'system:serviceaccount:${local.job_subject[0]}:${local.job_subject[1]}'"

  oidc {
    issuer_uri = var.aws_oidc_issuer
  }
}

resource "google_service_account_iam_member" "job_in_eks" {
  count = var.aws_oidc_issuer == null ? 0 : 1

  service_account_id = google_service_account.job.name
  role               = "roles/iam.workloadIdentityUser"
  member             = "principal://iam.googleapis.com/${google_iam_workload_identity_pool.aws[0].name}/subject/system:serviceaccount:${local.job_subject[0]}:${local.job_subject[1]}"
}
