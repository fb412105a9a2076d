resource "google_dataproc_cluster" "this" {
  #checkov:skip=CKV_GCP_91:Google's own keys encrypt its disks, which hold what the buckets hold too
  name   = "${var.name}-analytics"
  region = var.region

  cluster_config {
    staging_bucket = google_storage_bucket.code.name

    gce_cluster_config {
      subnetwork             = google_compute_subnetwork.this.id
      internal_ip_only       = true
      service_account        = google_service_account.job.email
      service_account_scopes = ["cloud-platform"]
      tags                   = ["${var.name}-dataproc"]

      metadata = {
        enable-oslogin         = "true"
        block-project-ssh-keys = "true"
      }

      shielded_instance_config {
        enable_secure_boot          = true
        enable_vtpm                 = true
        enable_integrity_monitoring = true
      }
    }

    master_config {
      num_instances = 1
      machine_type  = var.dataproc_machine_type

      disk_config {
        boot_disk_size_gb = var.dataproc_boot_disk_gb
      }
    }

    worker_config {
      num_instances = var.dataproc_workers
      machine_type  = var.dataproc_machine_type

      disk_config {
        boot_disk_size_gb = var.dataproc_boot_disk_gb
      }
    }

    software_config {
      image_version       = var.dataproc_image_version
      optional_components = ["JUPYTER", "DOCKER", "HIVE_WEBHCAT"]

      override_properties = {
        "dataproc:dataproc.allow.zero.workers" = "true"
      }
    }

    # The pages of its programs, behind Google's log-in.
    endpoint_config {
      enable_http_port_access = true
    }

    dynamic "lifecycle_config" {
      for_each = var.dataproc_idle_delete[*]

      content {
        idle_delete_ttl = lifecycle_config.value
      }
    }
  }

  # Without them its machines cannot report that they are ready.
  depends_on = [
    google_project_iam_member.job,
    google_storage_bucket_iam_member.job,
    google_compute_firewall.dataproc,
    google_compute_router_nat.this,
  ]
}
