mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }

  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/r" }
  }

  mock_resource "aws_kms_key" {
    defaults = { arn = "arn:aws:kms:us-east-1:123456789012:key/made" }
  }

  mock_resource "aws_eks_cluster" {
    defaults = {
      certificate_authority = [{ data = "Y2E=" }]
      identity              = [{ oidc = [{ issuer = "https://oidc.eks.us-east-1.amazonaws.com/id/1" }] }]
    }
  }

  mock_resource "aws_launch_template" {
    defaults = { id = "lt-1", latest_version = 1 }
  }
}

variables {
  subnet_ids = ["subnet-1", "subnet-2", "subnet-3"]
}

run "the_cluster_is_the_one_that_was_asked_for" {
  assert {
    condition     = aws_eks_cluster.this.name == "ecommerce-eks" && aws_eks_cluster.this.version == "1.35"
    error_message = "name or version are others"
  }

  assert {
    condition = (
      aws_eks_node_group.primary.instance_types == tolist(["t3.medium"]) && aws_eks_node_group.primary.capacity_type == "ON_DEMAND" &&
      aws_eks_node_group.primary.ami_type == "AL2023_x86_64_STANDARD" && aws_eks_node_group.primary.scaling_config[0].min_size == 3 &&
      aws_eks_node_group.primary.scaling_config[0].desired_size == 3 && aws_eks_node_group.primary.scaling_config[0].max_size == 10 &&
      aws_launch_template.nodes.block_device_mappings[0].ebs[0].volume_size == 50
    )
    error_message = "the nodes are others"
  }

  assert {
    condition     = length(aws_eks_node_group.spot) == 0
    error_message = "nodes are taken that nobody asked for"
  }
}

run "its_api_is_private_its_secrets_encrypted_and_its_log_whole" {
  assert {
    condition     = !aws_eks_cluster.this.vpc_config[0].endpoint_public_access && aws_eks_cluster.this.vpc_config[0].endpoint_private_access
    error_message = "the API has a public address"
  }

  assert {
    condition     = aws_eks_cluster.this.encryption_config[0].provider[0].key_arn == "arn:aws:kms:us-east-1:123456789012:key/made"
    error_message = "secrets are not encrypted"
  }

  assert {
    condition     = length(aws_eks_cluster.this.enabled_cluster_log_types) == 5
    error_message = "a part of the control plane's log is missing"
  }
}

run "pods_do_not_get_the_rights_of_their_node" {
  assert {
    condition     = aws_launch_template.nodes.metadata_options[0].http_tokens == "required" && aws_launch_template.nodes.metadata_options[0].http_put_response_hop_limit == 1
    error_message = "a pod can become its node"
  }
}

run "what_the_shop_needs_of_the_cluster_is_there" {
  assert {
    condition     = setunion(keys(aws_eks_addon.before_nodes), keys(aws_eks_addon.on_nodes)) == toset(["vpc-cni", "kube-proxy", "eks-pod-identity-agent", "coredns", "metrics-server", "aws-ebs-csi-driver"])
    error_message = "an add-on is missing"
  }

  assert {
    condition     = jsondecode(aws_eks_addon.before_nodes["vpc-cni"].configuration_values).enableNetworkPolicy == "true"
    error_message = "network policies are not enforced"
  }

  assert {
    condition     = jsondecode(aws_eks_addon.on_nodes["aws-ebs-csi-driver"].configuration_values).defaultStorageClass.enabled
    error_message = "volumes have no default storage class"
  }
}

run "who_is_named_reaches_the_api_and_may_do_everything" {
  state_key = "made_with_admins"

  variables {
    api_cidrs       = ["203.0.113.0/24"]
    admin_role_arns = { ops = "arn:aws:iam::123456789012:role/ops" }
  }

  assert {
    condition     = aws_eks_cluster.this.vpc_config[0].public_access_cidrs == toset(["203.0.113.0/24"])
    error_message = "others reach the API"
  }

  assert {
    condition     = length(aws_eks_access_policy_association.admin) == 1 && !aws_eks_cluster.this.access_config[0].bootstrap_cluster_creator_admin_permissions
    error_message = "others may do everything"
  }
}

run "admins_who_are_named_later_do_not_replace_the_cluster" {
  variables {
    admin_role_arns = { ops = "arn:aws:iam::123456789012:role/ops" }
  }

  assert {
    condition     = length(aws_eks_access_policy_association.admin) == 1 && aws_eks_cluster.this.access_config[0].bootstrap_cluster_creator_admin_permissions
    error_message = "what cannot be changed is changed, or who is named may do nothing"
  }
}

run "spot_nodes_take_only_what_can_be_taken_away" {
  variables {
    spot = { instance_types = ["t3.medium", "t3a.medium"], most = 5 }
  }

  assert {
    condition     = aws_eks_node_group.spot[0].capacity_type == "SPOT" && one(aws_eks_node_group.spot[0].taint) == { key = "spot", value = "true", effect = "NO_SCHEDULE" }
    error_message = "everything may land on nodes that are taken back"
  }
}

run "the_whole_internet_is_refused" {
  command = plan

  variables {
    api_cidrs = ["0.0.0.0/0"]
  }

  expect_failures = [var.api_cidrs]
}

run "a_version_past_its_support_is_refused" {
  command = plan

  variables {
    kubernetes_version = "1.28"
  }

  expect_failures = [var.kubernetes_version]
}
