output "tunnels" {
  description = "The four tunnels, two a connection: `vpn.tunnels` of terraform/gcp."
  value = flatten([for connection in aws_vpn_connection.this : [
    {
      address        = connection.tunnel1_address
      inside_cidr    = connection.tunnel1_inside_cidr
      inside_address = connection.tunnel1_cgw_inside_address
      aws_inside     = connection.tunnel1_vgw_inside_address
    },
    {
      address        = connection.tunnel2_address
      inside_cidr    = connection.tunnel2_inside_cidr
      inside_address = connection.tunnel2_cgw_inside_address
      aws_inside     = connection.tunnel2_vgw_inside_address
    },
  ]])
}

output "shared_secrets" {
  description = "Their secrets, in the same sequence: `vpn_shared_secrets` there."
  value       = flatten([for connection in aws_vpn_connection.this : [connection.tunnel1_preshared_key, connection.tunnel2_preshared_key]])
  sensitive   = true
}
