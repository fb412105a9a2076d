output "node_security_group_id" {
  value = aws_security_group.stand_in.id
}

# Its entry may be left out.
resource "aws_eks_access_policy_association" "admin" {
  principal_arn = each.value
}
