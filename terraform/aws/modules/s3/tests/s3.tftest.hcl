mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }

  mock_resource "aws_s3_bucket" {
    defaults = { arn = "arn:aws:s3:::bucket" }
  }
}

variables {
  account_id = "123456789012"
}

run "names_are_those_that_are_relied_upon" {
  assert {
    condition = output.bucket_names == {
      product-images    = "ecommerce-product-images-123456789012"
      order-documents   = "ecommerce-order-documents-123456789012"
      analytics-results = "ecommerce-analytics-results-123456789012"
    }
    error_message = "a bucket has another name"
  }
}

run "nothing_is_public" {
  assert {
    condition = length(aws_s3_bucket_public_access_block.this) == 3 && alltrue([
      for block in aws_s3_bucket_public_access_block.this :
      block.block_public_acls && block.block_public_policy && block.ignore_public_acls && block.restrict_public_buckets
    ])
    error_message = "a bucket can be made public"
  }

  assert {
    condition     = length(aws_s3_bucket_policy.tls_only) == 3
    error_message = "a bucket can be read without TLS"
  }
}

run "everything_is_encrypted" {
  assert {
    condition = length(aws_s3_bucket_server_side_encryption_configuration.this) == 3 && alltrue(flatten([
      for bucket in aws_s3_bucket_server_side_encryption_configuration.this :
      [for rule in bucket.rule : rule.apply_server_side_encryption_by_default[0].sse_algorithm == "AES256"]
    ]))
    error_message = "a bucket is not encrypted"
  }
}

run "by_a_key_of_ones_own_where_there_is_one" {
  variables {
    kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/k"
  }

  assert {
    condition = alltrue(flatten([
      for bucket in aws_s3_bucket_server_side_encryption_configuration.this :
      [for rule in bucket.rule : rule.bucket_key_enabled && rule.apply_server_side_encryption_by_default[0].kms_master_key_id == "arn:aws:kms:us-east-1:123456789012:key/k"]
    ]))
    error_message = "a bucket is encrypted with another key"
  }
}

run "what_users_gave_can_be_had_back" {
  assert {
    condition = { for purpose, bucket in aws_s3_bucket_versioning.this : purpose => bucket.versioning_configuration[0].status } == {
      product-images    = "Enabled"
      order-documents   = "Enabled"
      analytics-results = "Suspended"
    }
    error_message = "the wrong buckets keep old versions"
  }

  assert {
    condition     = alltrue([for bucket in aws_s3_bucket.this : !bucket.force_destroy])
    error_message = "destroying deletes what the buckets hold"
  }
}

run "an_account_that_is_none_is_refused" {
  command = plan

  variables {
    account_id = "12345"
  }

  expect_failures = [var.account_id]
}
