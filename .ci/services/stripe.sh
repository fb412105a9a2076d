# Stripe, as its own description of its API has it: stripe-mock has no memory, and refuses what Stripe would not understand.
# Sets WEIR_TEST_STRIPE_MOCK.

# What it describes is a version of the API; the one that the client speaks is in async-stripe.
stripe_mock_version=0.203.0

# It serves TLS too, whether wanted or not.
launch_stripe_mock() {
  "$program" -http-addr "127.0.0.1:$1" -https-addr "127.0.0.1:$2" >"$work/stripe-mock.log" 2>&1 &
}

start_stripe_mock() {
  local program python ports
  go_program stripe-mock "github.com/stripe/stripe-mock@v$stripe_mock_version"
  serve "stripe-mock" 30 2 launch_stripe_mock listens
  export WEIR_TEST_STRIPE_MOCK=http://127.0.0.1:${ports[0]}
}
