# Makes checkov, in a Python environment of its own; to be sourced, after common.sh.

# checkov_program: leaves the program's path in `checkov`.
checkov_program() {
  local environment
  environment=$cache/checkov-$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')-$(key_of "$repository/.ci/checkov/requirements.txt")
  locked checkov install_checkov "$environment"
  checkov=$environment/bin/checkov
}

install_checkov() {
  local environment=$1
  [[ -f $environment/complete ]] && return
  rm -rf "$environment"
  python3 -m venv "$environment" || fail "python3 cannot make a virtual environment (Debian: apt-get install python3-venv)"
  retry timeout 300 "$environment/bin/pip" install --quiet --disable-pip-version-check --requirement "$repository/.ci/checkov/requirements.txt" ||
    fail "checkov could not be installed"
  touch "$environment/complete"
}
