# What works on the cluster from within. To look around AWS knows no narrower permission than everything of a kind; what is changed is
# named.
locals {
  controllers = merge(
    {
      # Adds and takes away the machines of this cluster's groups, which EKS tags as its own.
      cluster-autoscaler = {
        namespace = "kube-system"
        sees = [
          "autoscaling:DescribeAutoScalingGroups", "autoscaling:DescribeAutoScalingInstances", "autoscaling:DescribeLaunchConfigurations",
          "autoscaling:DescribeScalingActivities", "autoscaling:DescribeTags", "ec2:DescribeImages", "ec2:DescribeInstanceTypes",
          "ec2:DescribeLaunchTemplateVersions", "ec2:GetInstanceTypesFromInstanceRequirements", "eks:DescribeNodegroup",
        ]
        does  = ["autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup"]
        with  = ["*"]
        owned = "k8s.io/cluster-autoscaler/${var.cluster_name}"
      }
    },
    length(var.target_group_arns) == 0 ? {} : {
      # Enters the pods of a TargetGroupBinding into its group. It makes no load balancer: that one is Terraform's.
      aws-load-balancer-controller = {
        namespace = "kube-system"
        sees = [
          "elasticloadbalancing:DescribeTargetGroups", "elasticloadbalancing:DescribeTargetGroupAttributes", "elasticloadbalancing:DescribeTargetHealth",
          "ec2:DescribeAvailabilityZones", "ec2:DescribeInstances", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups",
          "ec2:DescribeSubnets", "ec2:DescribeVpcs",
        ]
        does  = ["elasticloadbalancing:RegisterTargets", "elasticloadbalancing:DeregisterTargets"]
        with  = var.target_group_arns
        owned = null
      }
    },
    length(var.secret_arns) == 0 ? {} : {
      external-secrets = {
        namespace = "external-secrets"
        sees      = []
        does      = ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"]
        with      = var.secret_arns
        owned     = null
      }
    },
  )
}

data "aws_iam_policy_document" "controllers" {
  for_each = local.controllers

  dynamic "statement" {
    for_each = length(each.value.sees) == 0 ? [] : [each.value.sees]

    content {
      actions   = statement.value
      resources = ["*"]
    }
  }

  statement {
    actions   = each.value.does
    resources = each.value.with

    dynamic "condition" {
      for_each = each.value.owned == null ? [] : [each.value.owned]

      content {
        test     = "StringEquals"
        variable = "aws:ResourceTag/${condition.value}"
        values   = ["owned"]
      }
    }
  }
}

resource "aws_iam_role" "controllers" {
  for_each = local.controllers

  name               = "${var.name}-${each.key}"
  assume_role_policy = data.aws_iam_policy_document.assume.json
}

resource "aws_iam_role_policy" "controllers" {
  for_each = local.controllers

  name   = "needs"
  role   = aws_iam_role.controllers[each.key].id
  policy = data.aws_iam_policy_document.controllers[each.key].json
}

resource "aws_eks_pod_identity_association" "controllers" {
  for_each = local.controllers

  cluster_name    = var.cluster_name
  namespace       = each.value.namespace
  service_account = each.key
  role_arn        = aws_iam_role.controllers[each.key].arn
}
