# The definitions of the custom kinds that the manifests use; to be sourced after common.sh.

# Each comes with its program's source, which Go fetches by the public list of checksums: a module, and the files in it.
definition_sources=(
  "github.com/argoproj/argo-cd/v3@v3.2.0 manifests/crds/*-crd.yaml"
  "github.com/external-secrets/external-secrets@v1.3.2 config/crds/bases/external-secrets.io_*.yaml"
  # Its releases are 2 and more, which Go knows only by their commits, as the module's path does not say so.
  "sigs.k8s.io/aws-load-balancer-controller@v0.0.0-20260423195125-93ff3b5fdaad helm/aws-load-balancer-controller/crds/crds.yaml"
)

# find_definitions: leaves the folder that holds them in `definitions`.
find_definitions() {
  definitions=$cache/definitions-$(printf '%s\n' "${definition_sources[@]}" | key_of -)
  locked definitions install_definitions "$definitions"
}

install_definitions() {
  local folder=$1 scratch source module files source_folder
  [[ -f $folder/complete ]] && return
  rm -rf "$folder"
  mkdir -p "$folder"
  scratch=$(mktemp -d)
  for source in "${definition_sources[@]}"; do
    read -r module files <<<"$source"
    go_source "$scratch" "$module"
    # The pattern is to be expanded.
    # shellcheck disable=SC2086
    (cd "$source_folder" && awk 'FNR == 1 { print "---" } { print }' $files) >"$folder/$(key_of - <<<"$module").yaml"
  done
  rm -rf "$scratch"
  touch "$folder/complete"
}
