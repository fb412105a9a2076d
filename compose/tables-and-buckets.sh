#!/usr/bin/env bash
# Makes what terraform/aws makes in the cloud: the tables, whose items expire, and the buckets.
set -euo pipefail

dynamodb=(aws dynamodb --endpoint-url "${DYNAMODB_URL:-http://dynamodb:8000}")
s3=(aws s3api --endpoint-url "${S3_URL:-http://s3:8333}")

# make_table NAME KEY [RANGE]
make_table() {
  local name=$1 attributes=() keys=() kind=HASH attribute
  ! "${dynamodb[@]}" describe-table --table-name "$name" >/dev/null 2>&1 || return 0
  for attribute in "${@:2}"; do
    attributes+=("AttributeName=$attribute,AttributeType=S")
    keys+=("AttributeName=$attribute,KeyType=$kind")
    kind=RANGE
  done
  "${dynamodb[@]}" create-table --table-name "$name" --billing-mode PAY_PER_REQUEST \
    --attribute-definitions "${attributes[@]}" --key-schema "${keys[@]}" >/dev/null
  "${dynamodb[@]}" update-time-to-live --table-name "$name" \
    --time-to-live-specification Enabled=true,AttributeName=expires_at >/dev/null
}

make_bucket() {
  "${s3[@]}" head-bucket --bucket "$1" >/dev/null 2>&1 || "${s3[@]}" create-bucket --bucket "$1" >/dev/null
}

make_table ecommerce-sessions session_id
make_table ecommerce-carts user_id product_id
make_table ecommerce-notifications event_id recipient
make_bucket ecommerce-product-images-local
make_bucket ecommerce-order-documents-local
make_bucket ecommerce-analytics-results-local
