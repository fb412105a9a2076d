mock_provider "aws" {
  mock_resource "aws_vpn_connection" {
    defaults = {
      tunnel1_address            = "198.51.100.1"
      tunnel1_inside_cidr        = "169.254.1.0/30"
      tunnel1_cgw_inside_address = "169.254.1.2"
      tunnel1_vgw_inside_address = "169.254.1.1"
      tunnel1_preshared_key      = "one"
      tunnel2_address            = "198.51.100.2"
      tunnel2_inside_cidr        = "169.254.2.0/30"
      tunnel2_cgw_inside_address = "169.254.2.2"
      tunnel2_vgw_inside_address = "169.254.2.1"
      tunnel2_preshared_key      = "two"
    }
  }
}

variables {
  vpc_id          = "vpc-1"
  route_table_ids = ["rtb-1", "rtb-2", "rtb-3"]
  peer_addresses  = ["192.0.2.1", "192.0.2.2"]
}

run "each_interface_of_the_other_side_has_two_tunnels" {
  assert {
    condition     = aws_customer_gateway.this[*].ip_address == ["192.0.2.1", "192.0.2.2"] && alltrue([for gateway in aws_customer_gateway.this : gateway.bgp_asn == "64514"])
    error_message = "the tunnels end elsewhere"
  }

  assert {
    condition     = length(output.tunnels) == 4 && output.tunnels[1].address == "198.51.100.2" && output.tunnels[1].inside_address == "169.254.2.2" && output.tunnels[1].aws_inside == "169.254.2.1"
    error_message = "the other side is told of other tunnels"
  }

  assert {
    condition     = output.shared_secrets == ["one", "two", "one", "two"]
    error_message = "the secrets are not in the sequence of the tunnels"
  }
}

run "every_table_learns_the_routes" {
  assert {
    condition     = toset(aws_vpn_gateway_route_propagation.this[*].route_table_id) == toset(["rtb-1", "rtb-2", "rtb-3"])
    error_message = "a zone does not reach the other cloud"
  }
}

run "only_the_newer_exchange_of_keys_is_spoken" {
  assert {
    condition     = alltrue([for connection in aws_vpn_connection.this : connection.tunnel1_ike_versions == toset(["ikev2"]) && connection.tunnel2_ike_versions == toset(["ikev2"])])
    error_message = "the older one is spoken too"
  }
}

run "wrong_values_are_refused" {
  command = plan

  variables {
    peer_addresses = ["192.0.2.1"]
    peer_asn       = 64512
  }

  expect_failures = [var.peer_addresses, var.peer_asn]
}
