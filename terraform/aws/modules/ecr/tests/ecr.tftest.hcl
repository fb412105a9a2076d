mock_provider "aws" {}

run "each_program_has_a_repository_whose_tags_stay_what_they_were" {
  assert {
    condition     = length(aws_ecr_repository.this) == 8 && aws_ecr_repository.this["order-service"].name == "ecommerce/order-service"
    error_message = "a program has no repository, or one of another name"
  }

  assert {
    condition     = alltrue([for repository in aws_ecr_repository.this : repository.image_tag_mutability == "IMMUTABLE" && repository.image_scanning_configuration[0].scan_on_push])
    error_message = "a tag can be moved, or an image is not scanned"
  }
}

run "old_images_are_deleted" {
  assert {
    condition     = alltrue([for policy in aws_ecr_lifecycle_policy.this : jsondecode(policy.policy).rules[1].selection.countNumber == 30])
    error_message = "images are kept for ever, or not long enough"
  }
}

run "one_image_is_too_few" {
  command = plan

  variables {
    kept_images = 1
  }

  expect_failures = [var.kept_images]
}
