# With all that is optional, for checkov: what is not made is not looked at.
certificate_arn      = "arn:aws:acm:us-east-1:123456789012:certificate/1"
backup_region        = "us-west-2"
db_password_version  = 1
db_replica           = { subnet_ids = ["subnet-1", "subnet-2"], security_group_ids = ["sg-1"] }
monthly_budget_usd   = 500
alert_emails         = ["operators@example.com"]
spot                 = { instance_types = ["t3.medium"], most = 5 }
mailers              = { queue = "arn:aws:sqs:us-east-1:123456789012:mails" }
notification_package = { bucket = "packages", key = "notification.zip", source_sha256 = "AAAA" }
gcp_vpn              = { asn = 65010, addresses = ["198.51.100.1", "198.51.100.2"] }
