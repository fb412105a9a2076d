# Stripe, as its own description of its API has it: stripe-mock has no memory, and refuses what Stripe would not understand.
# Sets WEIR_TEST_STRIPE_MOCK.

# What it describes is a version of the API; the one that the client speaks is in async-stripe.
stripe_mock_version=0.203.0

# Its source is built by the Go of the Python environment, which checks it against the public list of checksums.
install_stripe_mock() {
  local folder=$1 scratch
  [[ -x $folder/stripe-mock ]] && return
  scratch=$(mktemp -d)
  GOPATH=$scratch/go GOBIN=$scratch/bin GOCACHE=$scratch/cache GOFLAGS=-modcacherw GOTOOLCHAIN=local retry timeout 300 \
    "$python/bin/go" install "github.com/stripe/stripe-mock@v$stripe_mock_version" ||
    fail "stripe-mock could not be built"
  mkdir -p "$folder"
  mv "$scratch/bin/stripe-mock" "$folder/"
  rm -rf "$scratch"
}

# It serves TLS too, whether wanted or not.
launch_stripe_mock() {
  "$folder/stripe-mock" -http-addr "127.0.0.1:$1" -https-addr "127.0.0.1:$2" >"$work/stripe-mock.log" 2>&1 &
}

start_stripe_mock() {
  local python ports folder=$cache/stripe-mock-$stripe_mock_version
  python_environment
  locked stripe-mock install_stripe_mock "$folder"
  serve "stripe-mock" 30 2 launch_stripe_mock listens
  export WEIR_TEST_STRIPE_MOCK=http://127.0.0.1:${ports[0]}
}
