# Terraform and its providers; to be sourced after common.sh.

command -v terraform >/dev/null || fail "terraform is missing; see developer.hashicorp.com/terraform/install"
# A file of settings that this machine has may forbid what is done here.
unset TF_CLI_CONFIG_FILE
export TF_IN_AUTOMATION=1 CHECKPOINT_DISABLE=1

# The folder with the provider for AWS: TF_PLUGIN_DIR, or where systems keep such folders; nothing where there is none, and the
# registry has it then.
plugins() {
  local folder
  for folder in "${TF_PLUGIN_DIR:-}" /opt/tf-plugins "$HOME/.terraform.d/plugins" /usr/local/share/terraform/plugins; do
    if [[ -n $folder && -d $folder/registry.terraform.io/hashicorp/aws ]]; then
      printf '%s\n' "$folder"
      return
    fi
  done
}
