resource "google_container_cluster" "this" {
  #checkov:skip=CKV_GCP_12:the data path below enforces network policies
  #checkov:skip=CKV_GCP_21:the provider sets labels on everything: default_labels
  #checkov:skip=CKV_GCP_65:groups need a domain of Google Workspace
  #checkov:skip=CKV_GCP_66:nobody vouches for images in a form that it reads yet
  #checkov:skip=CKV_GCP_69:the pool below sets it; this one's first pool is taken away
  name                = "${var.name}-gke"
  location            = var.region
  network             = google_compute_network.this.id
  subnetwork          = google_compute_subnetwork.this.id
  deletion_protection = var.deletion_protection

  # The pool below takes its place.
  remove_default_node_pool = true
  initial_node_count       = 1

  # Network policies are enforced.
  datapath_provider     = "ADVANCED_DATAPATH"
  networking_mode       = "VPC_NATIVE"
  enable_shielded_nodes = true
  # What pods of one machine say to each other is in the network's log, too.
  enable_intranode_visibility = true

  # Who comes is known by an account.
  master_auth {
    client_certificate_config {
      issue_client_certificate = false
    }
  }

  ip_allocation_policy {
    cluster_secondary_range_name  = "pods"
    services_secondary_range_name = "services"
  }

  private_cluster_config {
    enable_private_nodes    = true
    enable_private_endpoint = length(var.api_cidrs) == 0
    master_ipv4_cidr_block  = var.control_plane_cidr
  }

  master_authorized_networks_config {
    dynamic "cidr_blocks" {
      for_each = var.api_cidrs

      content {
        display_name = cidr_blocks.key
        cidr_block   = cidr_blocks.value
      }
    }
  }

  workload_identity_config {
    workload_pool = "${var.project_id}.svc.id.goog"
  }

  release_channel {
    channel = "REGULAR"
  }

  logging_config {
    enable_components = ["SYSTEM_COMPONENTS", "APISERVER", "CONTROLLER_MANAGER", "SCHEDULER"]
  }

  # The workloads' own metrics go to the platform's Prometheus.
  monitoring_config {
    enable_components = ["SYSTEM_COMPONENTS"]

    managed_prometheus {
      enabled = false
    }
  }

  maintenance_policy {
    recurring_window {
      start_time = "2026-01-03T03:00:00Z"
      end_time   = "2026-01-03T09:00:00Z"
      recurrence = "FREQ=WEEKLY;BYDAY=SA,SU"
    }
  }

  depends_on = [google_project_service.this]
}

resource "google_container_node_pool" "this" {
  name     = "default"
  cluster  = google_container_cluster.this.id
  location = var.region

  autoscaling {
    min_node_count = var.gke_nodes.least
    max_node_count = var.gke_nodes.most
  }

  management {
    auto_repair  = true
    auto_upgrade = true
  }

  node_config {
    machine_type    = var.gke_machine_type
    service_account = google_service_account.nodes.email
    oauth_scopes    = ["https://www.googleapis.com/auth/cloud-platform"]

    shielded_instance_config {
      enable_secure_boot          = true
      enable_integrity_monitoring = true
    }

    # Pods see the identity of their own account, not the machine's.
    workload_metadata_config {
      mode = "GKE_METADATA"
    }
  }

  depends_on = [google_project_iam_member.nodes]
}
