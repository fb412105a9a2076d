# Object stores: moto's S3, a GCS front before it, and the Python that both run on.
# Sets WEIR_TEST_S3, WEIR_TEST_GCS and WEIR_TEST_PYTHON.

install_python() {
  local environment=$1
  [[ -f $environment/complete ]] && return
  rm -rf "$environment"
  python3 -m venv "$environment" || fail "python3 cannot make a virtual environment (Debian: apt-get install python3-venv)"
  retry timeout 600 "$environment/bin/pip" install --quiet --disable-pip-version-check \
    --requirement "$repository/.ci/requirements.txt" --constraint "$repository/.ci/constraints.txt" ||
    fail "the Python packages could not be installed"
  touch "$environment/complete"
}

start_objects() {
  local environment s3_port gcs_port
  environment=$cache/python-$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')-$(
    key_of "$repository"/.ci/{requirements,constraints}.txt
  )
  locked python install_python "$environment"
  read -r s3_port gcs_port < <(free_ports 2)

  "$environment/bin/moto_server" -H 127.0.0.1 -p "$s3_port" >"$work/moto.log" 2>&1 &
  services+=("$!")
  wait_until 60 "moto" "$!" accepts_connections "$s3_port"

  "$environment/bin/python" "$repository/connectors/parquet/tests/tools/gcs_shim.py" \
    --moto "127.0.0.1:$s3_port" --listen "127.0.0.1:$gcs_port" >"$work/gcs.log" 2>&1 &
  services+=("$!")
  wait_until 30 "the GCS front" "$!" accepts_connections "$gcs_port"

  export WEIR_TEST_S3=http://127.0.0.1:$s3_port
  export WEIR_TEST_GCS=http://127.0.0.1:$gcs_port
  export WEIR_TEST_PYTHON=$environment/bin/python
}
