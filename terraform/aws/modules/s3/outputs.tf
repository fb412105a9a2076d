output "bucket_names" {
  description = "The names of the buckets by what they are for: product-images, order-documents, analytics-results."
  value       = { for purpose, bucket in aws_s3_bucket.this : purpose => bucket.bucket }
}

output "bucket_arns" {
  description = "Their ARNs, by what they are for."
  value       = { for purpose, bucket in aws_s3_bucket.this : purpose => bucket.arn }
}
