# The way to the user service, which runs in the cluster: its pods enter the target group themselves, by a TargetGroupBinding (the
# component `notification-function` of k8s).
locals {
  users_port = 50051
}

resource "aws_security_group" "users" {
  name        = "${var.name}-notification-users"
  description = "The user service, for the notification function"
  vpc_id      = var.vpc_id

  tags = { Name = "${var.name}-notification-users" }
}

resource "aws_vpc_security_group_ingress_rule" "users" {
  security_group_id            = aws_security_group.users.id
  description                  = "the function"
  referenced_security_group_id = aws_security_group.this.id
  ip_protocol                  = "tcp"
  from_port                    = local.users_port
  to_port                      = local.users_port
}

resource "aws_vpc_security_group_egress_rule" "users" {
  security_group_id            = aws_security_group.users.id
  description                  = "to the pods"
  referenced_security_group_id = var.node_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = local.users_port
  to_port                      = local.users_port
}

resource "aws_lb" "users" {
  #checkov:skip=CKV_AWS_91:a network load balancer logs TLS connections alone
  #checkov:skip=CKV_AWS_150:it holds nothing, and is made anew by an apply
  name                             = "${var.name}-users"
  load_balancer_type               = "network"
  internal                         = true
  subnets                          = var.subnet_ids
  security_groups                  = [aws_security_group.users.id]
  enable_cross_zone_load_balancing = true
}

resource "aws_lb_target_group" "users" {
  name                 = "${var.name}-users"
  vpc_id               = var.vpc_id
  target_type          = "ip"
  protocol             = "TCP"
  port                 = local.users_port
  deregistration_delay = 30
}

resource "aws_lb_listener" "users" {
  load_balancer_arn = aws_lb.users.arn
  protocol          = "TCP"
  port              = local.users_port

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.users.arn
  }
}
