# A provider for terraform/gcp that knows Google's schema and no cloud; to be sourced after common.sh.

# HashiCorp's package of the provider's schema, 6.50.0, for another tool of theirs.
google_package=https://registry.npmjs.org/@cdktf/provider-google/-/provider-google-16.12.1.tgz
google_package_sha256=c13e11596542ffb7412d5f4caa9376525fbef88d18cdedac03c9b3c392a1fc80
google_version=6.50.0

# google_types FOLDER...: the resources and data sources that are used there, as schema.py names them.
google_types() {
  grep -rhoE --include='*.tf' '^(resource|data) "google_\w+"' "$@" |
    sed -E 's/^resource "(.*)"/\1/; s/^data "(.*)"/data.\1/' | sort -u
}

# google_provider FOLDER...: makes a folder of providers, once for each set of types and version of the scripts; leaves it in
# `google`.
google_provider() {
  local types
  types=$(google_types "$@")
  python_environment
  google=$cache/google-$(key_of "$repository"/.ci/google/* <(printf '%s' "$google_package $types $python"))
  locked google install_google_provider "$google" "$types" "$python"
}

install_google_provider() {
  local folder=$1 types=$2 python=$3 scratch plugin
  [[ -f $folder/complete ]] && return
  rm -rf "$folder"
  scratch=$(mktemp -d)
  retry timeout 120 curl --fail --silent --show-error --location --output "$scratch/package.tgz" "$google_package" ||
    fail "the schema of Google's provider could not be fetched"
  sha256sum --check --quiet <<<"$google_package_sha256  $scratch/package.tgz" || fail "$google_package is not what it was"
  tar --extract --gzip --file "$scratch/package.tgz" --directory "$scratch"
  plugin=$folder/registry.terraform.io/hashicorp/google/$google_version/linux_amd64/terraform-provider-google_v${google_version}_x6
  mkdir -p "${plugin%/*}"
  # shellcheck disable=SC2086 # one argument a type
  "$python/bin/python" "$repository/.ci/google/schema.py" "$scratch/package" "$folder/schema.json" $types ||
    fail "the schema of Google's provider could not be read"
  # A copy: the clone may be gone when the cache is used.
  cp "$repository/.ci/google/provider.py" "$folder/"
  cat >"$plugin" <<SCRIPT
#!/bin/sh
export WEIR_GOOGLE_SCHEMA='$folder/schema.json'
exec '$python/bin/python' '$folder/provider.py' "\$@"
SCRIPT
  chmod +x "$plugin"
  rm -rf "$scratch"
  touch "$folder/complete"
}
