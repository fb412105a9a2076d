# moto's clusters have no security group of their own. .ci/apply/asks.py fails once they have one.
data "aws_subnet" "stand_in" {
  id = var.subnet_ids[0]
}

resource "aws_security_group" "stand_in" {
  name        = "stand-in-nodes"
  description = "In place of the one that EKS makes"
  vpc_id      = data.aws_subnet.stand_in.vpc_id
}
