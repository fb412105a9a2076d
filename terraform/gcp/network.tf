# Networks as numbers: their first address, and the one behind their last.
locals {
  networks = merge(
    { subnet = var.subnet_cidr, pods = var.pods_cidr, services = var.services_cidr, control_plane = var.control_plane_cidr },
    { for number, cidr in try(var.vpn.aws_cidrs, []) : "aws_${number}" => cidr },
  )
  ranges = {
    for name, cidr in local.networks : name => {
      begin = sum([for place, byte in split(".", cidrhost(cidr, 0)) : tonumber(byte) * pow(256, 3 - place)])
      end   = sum([for place, byte in split(".", cidrhost(cidr, 0)) : tonumber(byte) * pow(256, 3 - place)]) + pow(2, 32 - tonumber(split("/", cidr)[1]))
    }
  }
  overlaps = [
    for pair in setproduct(keys(local.ranges), keys(local.ranges)) : join(" and ", pair)
    if(
      index(keys(local.ranges), pair[0]) < index(keys(local.ranges), pair[1]) &&
      local.ranges[pair[0]].begin < local.ranges[pair[1]].end &&
      local.ranges[pair[1]].begin < local.ranges[pair[0]].end
    )
  ]
}

resource "google_compute_network" "this" {
  name                    = "${var.name}-network"
  routing_mode            = "REGIONAL"
  auto_create_subnetworks = false

  depends_on = [google_project_service.this]
}

resource "google_compute_subnetwork" "this" {
  name                     = "${var.name}-subnet"
  network                  = google_compute_network.this.id
  region                   = var.region
  ip_cidr_range            = var.subnet_cidr
  private_ip_google_access = true

  secondary_ip_range {
    range_name    = "pods"
    ip_cidr_range = var.pods_cidr
  }

  secondary_ip_range {
    range_name    = "services"
    ip_cidr_range = var.services_cidr
  }

  log_config {
    aggregation_interval = "INTERVAL_10_MIN"
    flow_sampling        = 0.1
    metadata             = "EXCLUDE_ALL_METADATA"
  }

  lifecycle {
    precondition {
      condition     = length(local.overlaps) == 0
      error_message = "These networks share addresses: ${join(", ", local.overlaps)}."
    }
  }
}

# Dataproc's machines talk to each other on any port; nobody else talks to them.
resource "google_compute_firewall" "dataproc" {
  name    = "${var.name}-dataproc"
  network = google_compute_network.this.id

  source_tags = ["${var.name}-dataproc"]
  target_tags = ["${var.name}-dataproc"]

  allow {
    protocol = "tcp"
  }

  allow {
    protocol = "udp"
  }

  allow {
    protocol = "icmp"
  }
}

# A shell on a machine: through Google's proxy, which knows who asks.
resource "google_compute_firewall" "shell" {
  name    = "${var.name}-shell"
  network = google_compute_network.this.id

  source_ranges = ["35.235.240.0/20"]
  target_tags   = ["${var.name}-dataproc"]

  allow {
    protocol = "tcp"
    ports    = ["22"]
  }
}

# No machine has a public address; they reach others by this one.
resource "google_compute_router" "this" {
  name    = "${var.name}-router"
  network = google_compute_network.this.id
  region  = var.region
}

resource "google_compute_router_nat" "this" {
  name                               = "${var.name}-nat"
  router                             = google_compute_router.this.name
  region                             = var.region
  nat_ip_allocate_option             = "AUTO_ONLY"
  source_subnetwork_ip_ranges_to_nat = "ALL_SUBNETWORKS_ALL_IP_RANGES"

  log_config {
    enable = true
    filter = "ERRORS_ONLY"
  }
}
