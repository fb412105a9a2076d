mock_provider "aws" {
  mock_resource "aws_lb" {
    defaults = { arn = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/ecommerce-alb/1" }
  }

  mock_resource "aws_lb_target_group" {
    defaults = { arn = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/ecommerce-gateway/1" }
  }
}

variables {
  vpc_id          = "vpc-1"
  subnet_ids      = ["subnet-1", "subnet-2", "subnet-3"]
  certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/c"
}

run "the_load_balancer_is_the_one_that_was_asked_for" {
  assert {
    condition = (
      aws_lb.this.name == "ecommerce-alb" && aws_lb.this.load_balancer_type == "application" && !aws_lb.this.internal &&
      aws_lb.this.enable_http2 && aws_lb.this.enable_cross_zone_load_balancing && aws_lb.this.enable_deletion_protection
    )
    error_message = "name, kind or protection are others"
  }

  assert {
    condition     = { for name, rule in aws_vpc_security_group_ingress_rule.this : name => "${rule.cidr_ipv4} ${rule.from_port}-${rule.to_port}" } == { http = "0.0.0.0/0 80-80", https = "0.0.0.0/0 443-443" }
    error_message = "other ports are open"
  }
}

run "plain_http_is_sent_on_to_tls" {
  assert {
    condition = (
      aws_lb_listener.http.default_action[0].type == "redirect" &&
      aws_lb_listener.http.default_action[0].redirect[0].protocol == "HTTPS" &&
      aws_lb_listener.http.default_action[0].redirect[0].status_code == "HTTP_301"
    )
    error_message = "plain HTTP is answered"
  }

  assert {
    condition     = startswith(aws_lb_listener.https[0].ssl_policy, "ELBSecurityPolicy-TLS13-") && aws_lb_listener.https[0].port == 443
    error_message = "old versions of TLS are taken"
  }
}

run "without_a_certificate_it_serves_in_plain" {
  variables {
    certificate_arn = null
  }

  assert {
    condition     = length(aws_lb_listener.https) == 0 && aws_lb_listener.http.default_action[0].type == "forward"
    error_message = "it does not serve without a certificate"
  }
}

run "a_gateway_that_is_not_ready_gets_no_requests" {
  assert {
    condition     = aws_lb_target_group.gateway.target_type == "ip" && aws_lb_target_group.gateway.port == 8080 && aws_lb_target_group.gateway.health_check[0].path == "/ready"
    error_message = "pods cannot be its targets, or are not asked whether they are ready"
  }
}

run "a_certificate_that_is_none_is_refused" {
  command = plan

  variables {
    certificate_arn = "shop.pem"
  }

  expect_failures = [var.certificate_arn]
}
