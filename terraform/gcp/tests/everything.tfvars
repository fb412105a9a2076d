# With all that is optional, for .ci/check-terraform.
project_id         = "my-project-123456"
cloud_sql          = {}
bigquery           = true
broad_roles        = true
aws_oidc_issuer    = "https://oidc.eks.us-east-1.amazonaws.com/id/0123456789ABCDEF"
billing_account    = "012345-678901-ABCDEF"
api_cidrs          = { office = "203.0.113.0/24" }
vpn_shared_secrets = ["a", "b", "c", "d"]

vpn = {
  tunnels = [
    { address = "198.51.100.1", inside_cidr = "169.254.1.0/30", inside_address = "169.254.1.2", aws_inside = "169.254.1.1" },
    { address = "198.51.100.2", inside_cidr = "169.254.2.0/30", inside_address = "169.254.2.2", aws_inside = "169.254.2.1" },
    { address = "198.51.100.3", inside_cidr = "169.254.3.0/30", inside_address = "169.254.3.2", aws_inside = "169.254.3.1" },
    { address = "198.51.100.4", inside_cidr = "169.254.4.0/30", inside_address = "169.254.4.2", aws_inside = "169.254.4.1" },
  ]
}
