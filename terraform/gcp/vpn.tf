# Four tunnels to AWS, two on each of the gateway's two interfaces, so that either side may lose one. AWS makes the tunnels, and
# needs the gateway's addresses for that: the gateway comes first, the rest once `vpn.tunnels` is known.
locals {
  vpn     = var.vpn[*]
  tunnels = { for number, tunnel in try(var.vpn.tunnels, []) : tostring(number) => tunnel }
}

resource "google_compute_ha_vpn_gateway" "this" {
  count = length(local.vpn)

  name    = "${var.name}-vpn"
  network = google_compute_network.this.id
  region  = var.region
}

resource "google_compute_router" "vpn" {
  count = length(local.vpn)

  name    = "${var.name}-vpn"
  network = google_compute_network.this.id
  region  = var.region

  bgp {
    asn               = var.vpn.asn
    advertise_mode    = "CUSTOM"
    advertised_groups = []

    # The machines, and the pods; the other cloud has no business with the rest.
    dynamic "advertised_ip_ranges" {
      for_each = [var.subnet_cidr, var.pods_cidr]

      content {
        range = advertised_ip_ranges.value
      }
    }
  }
}

resource "google_compute_external_vpn_gateway" "aws" {
  count = length(local.tunnels) == 0 ? 0 : 1

  name            = "${var.name}-aws"
  redundancy_type = "FOUR_IPS_REDUNDANCY"

  dynamic "interface" {
    for_each = local.tunnels

    content {
      id         = tonumber(interface.key)
      ip_address = interface.value.address
    }
  }
}

resource "google_compute_vpn_tunnel" "aws" {
  for_each = local.tunnels

  name                            = "${var.name}-aws-${each.key}"
  region                          = var.region
  router                          = google_compute_router.vpn[0].id
  vpn_gateway                     = google_compute_ha_vpn_gateway.this[0].id
  vpn_gateway_interface           = floor(tonumber(each.key) / 2)
  peer_external_gateway           = google_compute_external_vpn_gateway.aws[0].id
  peer_external_gateway_interface = tonumber(each.key)
  shared_secret                   = var.vpn_shared_secrets[tonumber(each.key)]
  ike_version                     = 2

  lifecycle {
    precondition {
      condition     = length(var.vpn_shared_secrets) == length(local.tunnels)
      error_message = "vpn_shared_secrets must hold one secret a tunnel."
    }
  }
}

resource "google_compute_router_interface" "aws" {
  for_each = local.tunnels

  name       = "${var.name}-aws-${each.key}"
  region     = var.region
  router     = google_compute_router.vpn[0].name
  ip_range   = "${each.value.inside_address}/${split("/", each.value.inside_cidr)[1]}"
  vpn_tunnel = google_compute_vpn_tunnel.aws[each.key].name
}

resource "google_compute_router_peer" "aws" {
  for_each = local.tunnels

  name            = "${var.name}-aws-${each.key}"
  region          = var.region
  router          = google_compute_router.vpn[0].name
  interface       = google_compute_router_interface.aws[each.key].name
  peer_ip_address = each.value.aws_inside
  peer_asn        = var.vpn.aws_asn
}
