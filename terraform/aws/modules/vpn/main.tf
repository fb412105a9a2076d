# Two connections of two tunnels each, to the two interfaces of the other cloud's gateway, so that either side may lose one.
resource "aws_vpn_gateway" "this" {
  vpc_id          = var.vpc_id
  amazon_side_asn = var.asn

  tags = { Name = "${var.name}-vpn" }
}

resource "aws_vpn_gateway_route_propagation" "this" {
  count = length(var.route_table_ids)

  vpn_gateway_id = aws_vpn_gateway.this.id
  route_table_id = var.route_table_ids[count.index]
}

resource "aws_customer_gateway" "this" {
  count = 2

  type       = "ipsec.1"
  bgp_asn    = var.peer_asn
  ip_address = var.peer_addresses[count.index]

  tags = { Name = "${var.name}-gcp-${count.index}" }
}

resource "aws_vpn_connection" "this" {
  count = 2

  type                = "ipsec.1"
  vpn_gateway_id      = aws_vpn_gateway.this.id
  customer_gateway_id = aws_customer_gateway.this[count.index].id

  tunnel1_ike_versions = ["ikev2"]
  tunnel2_ike_versions = ["ikev2"]

  tags = { Name = "${var.name}-gcp-${count.index}" }
}
