# The warehouse, where one is wanted: reached within the network alone, and by accounts of the cloud instead of passwords.
resource "google_compute_global_address" "services" {
  count = local.has_warehouse ? 1 : 0

  name          = "${var.name}-google-services"
  network       = google_compute_network.this.id
  purpose       = "VPC_PEERING"
  address_type  = "INTERNAL"
  prefix_length = 20
}

resource "google_service_networking_connection" "this" {
  count = local.has_warehouse ? 1 : 0

  network                 = google_compute_network.this.id
  service                 = "servicenetworking.googleapis.com"
  reserved_peering_ranges = [google_compute_global_address.services[0].name]

  depends_on = [google_project_service.this]
}

resource "google_sql_database_instance" "this" {
  #checkov:skip=CKV2_GCP_13:a line for each statement would hide what took long
  #checkov:skip=CKV_GCP_6:clients are known by their accounts, by TLS, instead of certificates
  #checkov:skip=CKV_GCP_79:the same major version as the shop's own database
  #checkov:skip=CKV_GCP_108:each connection would wait for a name server; the address is logged
  #checkov:skip=CKV_GCP_110:one account works there, and only writes what lies in the bucket too
  count = local.has_warehouse ? 1 : 0

  name                = "${var.name}-analytics"
  region              = var.region
  database_version    = "POSTGRES_15"
  deletion_protection = var.deletion_protection

  settings {
    tier              = var.cloud_sql.tier
    disk_size         = var.cloud_sql.disk_gb
    availability_type = "ZONAL"
    edition           = "ENTERPRISE"
    user_labels       = local.labels

    backup_configuration {
      enabled                        = true
      point_in_time_recovery_enabled = true
      start_time                     = "03:00"
    }

    database_flags {
      name  = "cloudsql.iam_authentication"
      value = "on"
    }

    # Who came and went, what waited, what failed and what changed a schema is in the log.
    database_flags {
      name  = "log_checkpoints"
      value = "on"
    }

    database_flags {
      name  = "log_connections"
      value = "on"
    }

    database_flags {
      name  = "log_disconnections"
      value = "on"
    }

    database_flags {
      name  = "log_lock_waits"
      value = "on"
    }

    database_flags {
      name  = "log_min_error_statement"
      value = "error"
    }

    database_flags {
      name  = "log_statement"
      value = "ddl"
    }

    ip_configuration {
      ipv4_enabled    = false
      private_network = google_compute_network.this.id
      ssl_mode        = "ENCRYPTED_ONLY"
    }
  }

  depends_on = [google_service_networking_connection.this]
}

resource "google_sql_database" "this" {
  count = local.has_warehouse ? 1 : 0

  name     = "analytics"
  instance = google_sql_database_instance.this[0].name
}

resource "google_sql_user" "job" {
  count = local.has_warehouse ? 1 : 0

  # An account's name as PostgreSQL knows it.
  name     = trimsuffix(google_service_account.job.email, ".gserviceaccount.com")
  instance = google_sql_database_instance.this[0].name
  type     = "CLOUD_IAM_SERVICE_ACCOUNT"
}

resource "google_project_iam_member" "job_in_sql" {
  for_each = local.has_warehouse ? toset(["roles/cloudsql.client", "roles/cloudsql.instanceUser"]) : toset([])

  project = var.project_id
  role    = each.value
  member  = google_service_account.job.member
}
