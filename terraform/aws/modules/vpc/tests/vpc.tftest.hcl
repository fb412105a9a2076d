mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }

  mock_data "aws_region" {
    defaults = { name = "us-east-1" }
  }

  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/flow" }
  }

  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:us-east-1:123456789012:log-group:flow" }
  }
}

run "names_and_addresses_are_those_that_are_relied_upon" {
  assert {
    condition     = aws_vpc.this.cidr_block == "10.0.0.0/16"
    error_message = "the VPC has other addresses"
  }

  assert {
    condition     = [for zone in ["a", "b", "c"] : aws_subnet.public["us-east-1${zone}"].cidr_block] == ["10.0.1.0/24", "10.0.2.0/24", "10.0.3.0/24"]
    error_message = "the public subnets have other addresses"
  }

  assert {
    condition     = [for zone in ["a", "b", "c"] : aws_subnet.private["us-east-1${zone}"].cidr_block] == ["10.0.11.0/24", "10.0.12.0/24", "10.0.13.0/24"]
    error_message = "the private subnets have other addresses"
  }

  assert {
    condition     = length(output.public_subnet_ids) == 3 && length(output.private_subnet_ids) == 3
    error_message = "there is not a subnet of each kind in each zone"
  }
}

run "no_two_subnets_overlap_and_all_lie_in_the_vpc" {
  assert {
    condition = length(distinct([
      for subnet in concat(values(aws_subnet.public), values(aws_subnet.private)) : cidrsubnet(subnet.cidr_block, 0, 0)
    ])) == 6
    error_message = "two subnets have the same addresses"
  }

  assert {
    condition = alltrue([
      for subnet in concat(values(aws_subnet.public), values(aws_subnet.private)) :
      cidrhost("${cidrhost(subnet.cidr_block, 0)}/16", 0) == cidrhost(aws_vpc.this.cidr_block, 0)
    ])
    error_message = "a subnet lies outside the VPC"
  }
}

run "nothing_gets_a_public_address_by_itself" {
  assert {
    condition     = alltrue([for subnet in aws_subnet.public : !subnet.map_public_ip_on_launch])
    error_message = "what is started in a public subnet gets a public address"
  }

  assert {
    condition     = length(aws_default_security_group.this.ingress) == 0 && length(aws_default_security_group.this.egress) == 0
    error_message = "the default security group lets something through"
  }

  assert {
    condition     = alltrue([for route in aws_route.nat : route.destination_cidr_block == "0.0.0.0/0" && route.gateway_id == null])
    error_message = "a private subnet has a way to the internet that is no NAT gateway"
  }
}

run "each_zone_has_its_own_way_out" {
  assert {
    condition     = length(aws_nat_gateway.this) == 3 && length(distinct([for route in aws_route.nat : route.nat_gateway_id])) == 3
    error_message = "the loss of a zone takes the way out of another with it"
  }
}

run "one_way_out_serves_all_where_that_is_wanted" {
  variables {
    nat_gateways = "single"
  }

  assert {
    condition     = length(aws_nat_gateway.this) == 1 && length(distinct([for route in aws_route.nat : route.nat_gateway_id])) == 1
    error_message = "there is more than one NAT gateway"
  }
}

run "connections_are_logged" {
  assert {
    condition     = aws_flow_log.this.traffic_type == "ALL" && aws_cloudwatch_log_group.flow.retention_in_days == 30
    error_message = "connections are not logged, or for another time"
  }
}

run "a_network_that_is_none_is_refused" {
  command = plan

  variables {
    cidr = "10.0.0.0"
  }

  expect_failures = [var.cidr]
}

run "one_zone_is_too_few" {
  command = plan

  variables {
    availability_zones = ["us-east-1a"]
    public_subnets     = ["10.0.1.0/24"]
    private_subnets    = ["10.0.11.0/24"]
  }

  expect_failures = [var.availability_zones]
}

run "a_zone_without_a_subnet_is_refused" {
  command = plan

  variables {
    availability_zones = ["us-east-1a", "us-east-1b"]
  }

  expect_failures = [aws_vpc.this]
}
