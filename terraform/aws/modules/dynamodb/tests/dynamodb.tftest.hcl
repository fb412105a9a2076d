mock_provider "aws" {}

run "names_and_keys_are_those_that_the_services_use" {
  assert {
    condition = { for table in aws_dynamodb_table.this : table.name => join(" ", compact([table.hash_key, table.range_key])) } == {
      ecommerce-sessions      = "session_id"
      ecommerce-carts         = "user_id product_id"
      ecommerce-notifications = "event_id recipient"
    }
    error_message = "a table has another name or other keys"
  }
}

run "what_has_run_out_is_forgotten" {
  assert {
    condition     = alltrue([for table in aws_dynamodb_table.this : table.ttl[0].enabled && table.ttl[0].attribute_name == "expires_at"])
    error_message = "a table keeps what has run out"
  }
}

run "tables_are_paid_for_by_use_encrypted_and_can_be_had_back" {
  assert {
    condition = alltrue([
      for table in aws_dynamodb_table.this :
      table.billing_mode == "PAY_PER_REQUEST" && table.server_side_encryption[0].enabled && table.point_in_time_recovery[0].enabled && table.deletion_protection_enabled
    ])
    error_message = "a table is not as it should be"
  }
}
