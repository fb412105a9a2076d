output "vpc_id" {
  description = "The VPC."
  value       = aws_vpc.this.id
}

output "cidr" {
  description = "Its addresses."
  value       = aws_vpc.this.cidr_block
}

output "public_subnet_ids" {
  description = "The public subnets, in the sequence of the zones."
  value       = [for zone in var.availability_zones : aws_subnet.public[zone].id]
}

output "private_subnet_ids" {
  description = "The private subnets, in the sequence of the zones."
  value       = [for zone in var.availability_zones : aws_subnet.private[zone].id]
}

output "private_route_table_ids" {
  description = "The tables that routes to another network are put into."
  value       = [for zone in var.availability_zones : aws_route_table.private[zone].id]
}

output "nat_addresses" {
  description = "The addresses that everything within goes out by, for the allow lists of others."
  value       = [for zone in local.nat_zones : aws_eip.nat[zone].public_ip]
}
