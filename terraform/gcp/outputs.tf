output "gke_name" {
  description = "The GKE cluster: `gcloud container clusters get-credentials`."
  value       = google_container_cluster.this.name
}

output "dataproc_name" {
  description = "The Dataproc cluster: `gcloud dataproc jobs submit --cluster`."
  value       = google_dataproc_cluster.this.name
}

output "bucket_names" {
  description = "The buckets, by what they are for."
  value       = local.job_buckets
}

output "results_url" {
  description = "Where the job writes: `--parquet`."
  value       = google_storage_bucket.results.url
}

output "job_account" {
  description = "The account of the job: its service account in GKE is annotated with it, `iam.gke.io/gcp-service-account`."
  value       = google_service_account.job.email
}

output "repository" {
  description = "Where images are pushed to."
  value       = "${var.region}-docker.pkg.dev/${var.project_id}/${google_artifact_registry_repository.this.repository_id}"
}

output "federation_audience" {
  description = "The audience of the token that the job's pod in EKS exchanges; null where it does not run there."
  value       = one([for provider in google_iam_workload_identity_pool_provider.eks : "//iam.googleapis.com/${provider.name}"])
}

output "vpn_addresses" {
  description = "The two addresses of the gateway, for `gcp_vpn` of terraform/aws; empty without one."
  value       = flatten([for gateway in google_compute_ha_vpn_gateway.this : [for interface in gateway.vpn_interfaces : interface.ip_address]])
}

output "warehouse" {
  description = "The connection name of the warehouse in Cloud SQL; null where there is none."
  value       = one(google_sql_database_instance.this[*].connection_name)
}

output "bigquery_table" {
  description = "The table over the Parquet files; null where there is none."
  value       = one([for table in google_bigquery_table.results : "${var.project_id}.${table.dataset_id}.${table.table_id}"])
}
