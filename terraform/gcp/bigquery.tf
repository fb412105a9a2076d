# The Parquet files as a table: nothing is copied, a query reads what the job has written.
resource "google_bigquery_dataset" "this" {
  #checkov:skip=CKV_GCP_81:Google's own keys encrypt it; it holds no rows, they lie in the bucket
  count = var.bigquery ? 1 : 0

  dataset_id    = "${replace(var.name, "-", "_")}_analytics"
  location      = var.region
  friendly_name = "Orders a minute"

  depends_on = [google_project_service.this]
}

resource "google_bigquery_table" "results" {
  #checkov:skip=CKV_GCP_80:Google's own keys encrypt it; it holds no rows, they lie in the bucket
  #checkov:skip=CKV_GCP_121:a setting; with the table no row is lost, they lie in the bucket
  count = var.bigquery ? 1 : 0

  dataset_id          = google_bigquery_dataset.this[0].dataset_id
  table_id            = "analytics_results"
  deletion_protection = var.deletion_protection

  external_data_configuration {
    source_format = "PARQUET"
    autodetect    = true
    source_uris   = ["gs://${google_storage_bucket.results.name}/analytics-results/*.parquet"]

    # date=2026-11-26/hour=07: a query of a day reads its files alone.
    hive_partitioning_options {
      mode              = "CUSTOM"
      source_uri_prefix = "gs://${google_storage_bucket.results.name}/analytics-results/{date:DATE}/{hour:INTEGER}"
    }
  }
}
