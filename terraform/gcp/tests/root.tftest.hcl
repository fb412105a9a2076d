mock_provider "google" {
  mock_data "google_project" {
    defaults = { number = "123456789012" }
  }

  mock_resource "google_service_account" {
    defaults = {
      email  = "ecommerce-flink@my-project-123456.iam.gserviceaccount.com"
      member = "serviceAccount:ecommerce-flink@my-project-123456.iam.gserviceaccount.com"
      name   = "projects/my-project-123456/serviceAccounts/ecommerce-flink@my-project-123456.iam.gserviceaccount.com"
    }
  }

  mock_resource "google_iam_workload_identity_pool" {
    defaults = { name = "projects/123456789012/locations/global/workloadIdentityPools/ecommerce-aws" }
  }

  mock_resource "google_iam_workload_identity_pool_provider" {
    defaults = { name = "projects/123456789012/locations/global/workloadIdentityPools/ecommerce-aws/providers/eks" }
  }
}

variables {
  project_id = "my-project-123456"
}

run "what_is_relied_upon_has_its_name_and_size" {
  assert {
    condition     = google_compute_network.this.name == "ecommerce-network" && google_compute_network.this.routing_mode == "REGIONAL"
    error_message = "the network has another name or routes elsewhere"
  }

  assert {
    condition     = google_compute_subnetwork.this.name == "ecommerce-subnet" && google_compute_subnetwork.this.ip_cidr_range == "10.20.0.0/20"
    error_message = "the subnet has another name or other addresses"
  }

  assert {
    condition = (
      google_storage_bucket.code.name == "ecommerce-flink-code-my-project-123456" &&
      google_storage_bucket.results.name == "ecommerce-analytics-results-my-project-123456"
    )
    error_message = "a bucket has another name"
  }

  assert {
    condition     = google_dataproc_cluster.this.name == "ecommerce-analytics" && google_dataproc_cluster.this.region == "us-central1"
    error_message = "the Dataproc cluster has another name or is elsewhere"
  }

  assert {
    condition     = google_service_account.job.account_id == "ecommerce-flink"
    error_message = "the job runs as another account"
  }

  assert {
    condition     = output.results_url != null && output.gke_name == "ecommerce-gke" && output.dataproc_name == "ecommerce-analytics"
    error_message = "an output that the overlays need is missing"
  }
}

run "dataproc_is_as_it_was_asked_for_on_an_image_that_is_still_made" {
  assert {
    condition = alltrue([
      for machines in [google_dataproc_cluster.this.cluster_config[0].master_config[0], google_dataproc_cluster.this.cluster_config[0].worker_config[0]] :
      machines.machine_type == "n1-standard-4" && machines.disk_config[0].boot_disk_size_gb == 50
    ])
    error_message = "its machines have another size"
  }

  assert {
    condition     = google_dataproc_cluster.this.cluster_config[0].master_config[0].num_instances == 1 && google_dataproc_cluster.this.cluster_config[0].worker_config[0].num_instances == 2
    error_message = "it has another number of machines"
  }

  assert {
    condition     = google_dataproc_cluster.this.cluster_config[0].software_config[0].image_version == "2.3-debian12"
    error_message = "its image is another one"
  }

  assert {
    condition     = toset(google_dataproc_cluster.this.cluster_config[0].software_config[0].optional_components) == toset(["JUPYTER", "DOCKER", "HIVE_WEBHCAT"])
    error_message = "it has other components"
  }

  assert {
    condition     = google_dataproc_cluster.this.cluster_config[0].software_config[0].override_properties["dataproc:dataproc.allow.zero.workers"] == "true"
    error_message = "it cannot be without workers"
  }

  assert {
    condition     = google_dataproc_cluster.this.cluster_config[0].staging_bucket == "ecommerce-flink-code-my-project-123456" && google_dataproc_cluster.this.cluster_config[0].endpoint_config[0].enable_http_port_access
    error_message = "its staging is elsewhere, or its pages cannot be reached"
  }

  assert {
    condition     = length(google_dataproc_cluster.this.cluster_config[0].lifecycle_config) == 0
    error_message = "it deletes itself without having been told to"
  }
}

run "nothing_is_public" {
  assert {
    condition     = google_dataproc_cluster.this.cluster_config[0].gce_cluster_config[0].internal_ip_only
    error_message = "Dataproc's machines have public addresses"
  }

  assert {
    condition     = google_container_cluster.this.private_cluster_config[0].enable_private_nodes && google_container_cluster.this.private_cluster_config[0].enable_private_endpoint
    error_message = "GKE has public addresses"
  }

  assert {
    condition     = length(google_container_cluster.this.master_authorized_networks_config[0].cidr_blocks) == 0
    error_message = "somebody outside may reach GKE's API"
  }

  assert {
    condition = alltrue([
      for bucket in [google_storage_bucket.code, google_storage_bucket.results] :
      bucket.public_access_prevention == "enforced" && bucket.uniform_bucket_level_access
    ])
    error_message = "a bucket could be made public"
  }

  assert {
    condition = alltrue([
      for rule in [google_compute_firewall.dataproc, google_compute_firewall.shell] :
      !contains(coalesce(rule.source_ranges, []), "0.0.0.0/0") && length(setunion(coalesce(rule.source_ranges, []), coalesce(rule.source_tags, []))) > 0
    ])
    error_message = "a rule lets everybody in"
  }

  assert {
    condition     = google_compute_subnetwork.this.private_ip_google_access && !google_compute_network.this.auto_create_subnetworks
    error_message = "Google's services are reached from outside, or there are networks that nobody asked for"
  }
}

run "the_cluster_knows_accounts_and_no_certificates" {
  assert {
    condition     = !google_container_cluster.this.master_auth[0].client_certificate_config[0].issue_client_certificate && google_container_cluster.this.enable_intranode_visibility
    error_message = "a certificate opens the cluster, or what pods of one machine say is in no log"
  }
}

run "networks_do_not_overlap" {
  command = plan

  variables {
    vpn = {}
  }

  assert {
    condition     = length(local.overlaps) == 0 && keys(local.networks) == ["aws_0", "control_plane", "pods", "services", "subnet"]
    error_message = "networks share addresses, or one is not looked at"
  }
}

run "a_network_that_the_other_cloud_has_is_refused" {
  command = plan

  variables {
    vpn         = {}
    subnet_cidr = "10.0.128.0/20"
  }

  expect_failures = [google_compute_subnetwork.this]
}

run "networks_that_overlap_are_refused" {
  command = plan

  variables {
    pods_cidr = "10.20.0.0/16"
  }

  expect_failures = [google_compute_subnetwork.this]
}

run "the_job_may_write_to_its_buckets_and_no_more" {
  assert {
    condition     = keys(google_project_iam_member.job) == ["roles/dataproc.worker"]
    error_message = "the job's account may do more in the project than work for Dataproc"
  }

  assert {
    condition = (
      { for key, member in google_storage_bucket_iam_member.job : member.bucket => member.role } ==
      { "ecommerce-flink-code-my-project-123456" = "roles/storage.objectAdmin", "ecommerce-analytics-results-my-project-123456" = "roles/storage.objectAdmin" }
    )
    error_message = "the job's account may do something else with the buckets"
  }

  assert {
    condition     = google_service_account_iam_member.job_in_gke.member == "serviceAccount:my-project-123456.svc.id.goog[ecommerce/order-analytics]"
    error_message = "another pod is the job's account, or none"
  }

  assert {
    condition     = google_container_node_pool.this.node_config[0].workload_metadata_config[0].mode == "GKE_METADATA"
    error_message = "every pod may be what its machine is"
  }
}

run "broad_roles_are_given_when_they_are_asked_for" {
  command = plan

  variables {
    broad_roles = true
  }

  assert {
    condition     = toset(keys(google_project_iam_member.job)) == toset(["roles/dataproc.worker", "roles/storage.admin", "roles/dataproc.editor"])
    error_message = "the roles are others"
  }
}

run "the_apis_that_are_used_are_on_and_stay_so" {
  assert {
    condition = toset(keys(google_project_service.this)) == toset([
      for api in ["compute", "container", "dataproc", "storage", "sqladmin", "cloudresourcemanager", "artifactregistry", "iamcredentials", "servicenetworking"] : "${api}.googleapis.com"
    ])
    error_message = "other APIs are on"
  }

  assert {
    condition     = alltrue([for service in google_project_service.this : !service.disable_on_destroy])
    error_message = "others in the project lose an API when this goes"
  }
}

run "what_is_optional_is_not_there_unless_asked_for" {
  assert {
    condition = alltrue([
      for made in [google_sql_database_instance.this, google_bigquery_table.results, google_iam_workload_identity_pool.aws, google_compute_ha_vpn_gateway.this, google_billing_budget.month] :
      length(made) == 0
    ])
    error_message = "something that costs is there without having been asked for"
  }

  assert {
    condition     = output.warehouse == null && output.bigquery_table == null && output.federation_audience == null && output.vpn_addresses == []
    error_message = "an output tells of what is not there"
  }
}

run "the_warehouse_is_reached_within_the_network_alone" {
  variables {
    cloud_sql = {}
  }

  assert {
    condition     = google_sql_database_instance.this[0].database_version == "POSTGRES_15" && google_sql_database_instance.this[0].settings[0].availability_type == "ZONAL"
    error_message = "it is another database"
  }

  assert {
    condition     = !google_sql_database_instance.this[0].settings[0].ip_configuration[0].ipv4_enabled && google_sql_database_instance.this[0].settings[0].ip_configuration[0].ssl_mode == "ENCRYPTED_ONLY"
    error_message = "it has a public address, or talks in plain"
  }

  assert {
    condition     = google_sql_database_instance.this[0].settings[0].backup_configuration[0].enabled && !google_sql_database_instance.this[0].deletion_protection
    error_message = "it has no backups, or cannot be deleted"
  }

  assert {
    condition = { for flag in google_sql_database_instance.this[0].settings[0].database_flags : flag.name => flag.value } == {
      "cloudsql.iam_authentication" = "on"
      log_checkpoints               = "on"
      log_connections               = "on"
      log_disconnections            = "on"
      log_lock_waits                = "on"
      log_min_error_statement       = "error"
      log_statement                 = "ddl"
    }
    error_message = "accounts cannot come in, or what happens is not in its log"
  }

  assert {
    condition     = google_sql_user.job[0].name == "ecommerce-flink@my-project-123456.iam" && google_sql_user.job[0].type == "CLOUD_IAM_SERVICE_ACCOUNT"
    error_message = "the job needs a password"
  }
}

run "bigquery_reads_the_files_as_they_lie" {
  variables {
    bigquery = true
  }

  assert {
    condition     = google_bigquery_table.results[0].external_data_configuration[0].hive_partitioning_options[0].source_uri_prefix == "gs://ecommerce-analytics-results-my-project-123456/analytics-results/{date:DATE}/{hour:INTEGER}"
    error_message = "the files lie elsewhere"
  }

  assert {
    condition     = output.bigquery_table == "my-project-123456.ecommerce_analytics.analytics_results"
    error_message = "the table has another name"
  }

  assert {
    condition     = contains(keys(google_project_service.this), "bigquery.googleapis.com")
    error_message = "BigQuery is not on"
  }
}

run "of_the_other_clusters_accounts_the_jobs_alone_is_believed" {
  variables {
    aws_oidc_issuer = "https://oidc.eks.us-east-1.amazonaws.com/id/0123456789ABCDEF"
  }

  assert {
    condition     = google_iam_workload_identity_pool_provider.eks[0].oidc[0].issuer_uri == "https://oidc.eks.us-east-1.amazonaws.com/id/0123456789ABCDEF"
    error_message = "another issuer is believed"
  }

  assert {
    condition     = google_iam_workload_identity_pool_provider.eks[0].attribute_condition == "assertion.sub == 'system:serviceaccount:ecommerce:order-analytics'"
    error_message = "other accounts of that cluster are believed too"
  }

  assert {
    condition     = google_service_account_iam_member.job_in_eks[0].member == "principal://iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/ecommerce-aws/subject/system:serviceaccount:ecommerce:order-analytics"
    error_message = "somebody else becomes the job's account"
  }

  assert {
    condition     = output.federation_audience == "//iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/ecommerce-aws/providers/eks"
    error_message = "the pod asks for a token of another audience"
  }
}

run "the_gateway_comes_before_the_tunnels" {
  variables {
    vpn = {}
  }

  # What addresses it has, Google alone says.
  assert {
    condition     = length(google_compute_ha_vpn_gateway.this) == 1 && length(google_compute_vpn_tunnel.aws) == 0
    error_message = "there is no gateway, or there are tunnels to nowhere"
  }
}

run "four_tunnels_two_on_each_interface" {
  variables {
    vpn = {
      tunnels = [for n in [0, 1, 2, 3] : {
        address        = "198.51.100.${n}"
        inside_cidr    = "169.254.${n}.0/30"
        inside_address = "169.254.${n}.2"
        aws_inside     = "169.254.${n}.1"
      }]
    }
    vpn_shared_secrets = ["a", "b", "c", "d"]
  }

  assert {
    condition     = [for key in ["0", "1", "2", "3"] : google_compute_vpn_tunnel.aws[key].vpn_gateway_interface] == [0, 0, 1, 1]
    error_message = "an interface has not its two tunnels"
  }

  assert {
    condition     = google_compute_router_interface.aws["2"].ip_range == "169.254.2.2/30" && google_compute_router_peer.aws["2"].peer_ip_address == "169.254.2.1"
    error_message = "a tunnel's inside addresses are others"
  }

  assert {
    condition     = google_compute_router_peer.aws["0"].peer_asn == 64512 && google_compute_router.vpn[0].bgp[0].asn == 64514
    error_message = "the autonomous systems are others"
  }

  assert {
    condition     = toset([for range in google_compute_router.vpn[0].bgp[0].advertised_ip_ranges : range.range]) == toset(["10.20.0.0/20", "10.24.0.0/16"])
    error_message = "the other cloud learns of other networks"
  }
}

run "a_secret_is_missing" {
  command = plan

  variables {
    vpn = {
      tunnels = [for n in [0, 1, 2, 3] : {
        address        = "198.51.100.${n}"
        inside_cidr    = "169.254.${n}.0/30"
        inside_address = "169.254.${n}.2"
        aws_inside     = "169.254.${n}.1"
      }]
    }
    vpn_shared_secrets = ["a", "b", "c"]
  }

  expect_failures = [google_compute_vpn_tunnel.aws]
}

run "who_may_reach_the_api_is_named" {
  variables {
    api_cidrs = { office = "203.0.113.0/24" }
  }

  assert {
    condition     = !google_container_cluster.this.private_cluster_config[0].enable_private_endpoint && [for block in google_container_cluster.this.master_authorized_networks_config[0].cidr_blocks : block.cidr_block] == ["203.0.113.0/24"]
    error_message = "somebody else may reach it, or who is named may not"
  }
}

run "a_budget_is_watched" {
  variables {
    billing_account    = "012345-678901-ABCDEF"
    monthly_budget_usd = 700
  }

  assert {
    condition     = google_billing_budget.month[0].amount[0].specified_amount[0].units == "700"
    error_message = "the budget is another one"
  }
}

run "wrong_values_are_refused" {
  command = plan

  variables {
    project_id           = "My Project"
    region               = "us-central1-a"
    subnet_cidr          = "10.20.0.0"
    control_plane_cidr   = "10.25.16.0/24"
    api_cidrs            = { all = "0.0.0.0/0" }
    dataproc_workers     = 1
    dataproc_idle_delete = "1h"
    gke_nodes            = { least = 3, most = 1 }
    job_service_account  = "order-analytics"
    aws_oidc_issuer      = "oidc.eks.us-east-1.amazonaws.com"
    vpn                  = { tunnels = [{ address = "198.51.100.1", inside_cidr = "169.254.0.0/30", inside_address = "169.254.0.2", aws_inside = "169.254.0.1" }] }
    created_at           = "today"
    environment          = "test"
    name                 = "Shop"
  }

  expect_failures = [
    var.project_id, var.region, var.subnet_cidr, var.control_plane_cidr, var.api_cidrs, var.dataproc_workers,
    var.dataproc_idle_delete, var.gke_nodes, var.job_service_account, var.aws_oidc_issuer, var.vpn, var.created_at,
    var.environment, var.name,
  ]
}
