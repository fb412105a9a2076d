# moto is reached by AWS_ENDPOINT_URL; a bucket is not a host there.
provider "aws" {
  s3_use_path_style = true
  max_retries       = 2
}

provider "aws" {
  alias             = "elsewhere"
  s3_use_path_style = true
  max_retries       = 2
}
