# Object stores: moto's S3, a GCS front before it, and the Python that both run on. The same moto serves DynamoDB, SNS and SQS.
# Sets WEIR_TEST_S3, WEIR_TEST_GCS, WEIR_TEST_PYTHON and, as the same package index has it, WEIR_TEST_K6.

launch_moto() {
  "$python/bin/python" "$repository/.ci/services/serve_moto.py" -H 127.0.0.1 -p "$1" >"$work/moto.log" 2>&1 &
}

launch_gcs() {
  "$python/bin/python" "$repository/connectors/parquet/tests/tools/gcs_shim.py" \
    --moto "127.0.0.1:$s3_port" --listen "127.0.0.1:$1" >"$work/gcs.log" 2>&1 &
}

start_objects() {
  local python ports s3_port
  python_environment
  serve "moto" 60 1 launch_moto listens
  s3_port=${ports[0]}
  serve "the GCS front" 30 1 launch_gcs listens

  export WEIR_TEST_S3=http://127.0.0.1:$s3_port
  export WEIR_TEST_GCS=http://127.0.0.1:${ports[0]}
  export WEIR_TEST_PYTHON=$python/bin/python WEIR_TEST_K6=$python/bin/k6
}
