#!/usr/bin/env bash
# Builds an image of every program, and pushes them where asked to.
#
#   scripts/build-docker-images.sh                                         builds ecommerce/NAME:VERSION
#   REGISTRY=123456789012.dkr.ecr.us-east-1.amazonaws.com PUSH=1 scripts/build-docker-images.sh
#   PLATFORMS=linux/amd64,linux/arm64 REGISTRY=... PUSH=1 scripts/build-docker-images.sh
#
# The version is that of Cargo.toml unless TAG says another. Tags are never pushed twice: the registry refuses.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

tag=${TAG:-$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)}
registry=${REGISTRY:+$REGISTRY/}
mapfile -t names < <(sed -n 's/^FROM runtime AS //p' Dockerfile)

options=(--label "org.opencontainers.image.version=$tag")
if git rev-parse HEAD >/dev/null 2>&1; then
  options+=(--label "org.opencontainers.image.revision=$(git rev-parse HEAD)")
fi
[[ -z ${PLATFORMS:-} ]] || options+=(--platform "$PLATFORMS")
if [[ -n ${PUSH:-} ]]; then
  # Beside the image lies how it came about, and what it is made of.
  options+=(--push --provenance=mode=max --sbom=true)
elif [[ -z ${PLATFORMS:-} ]]; then
  options+=(--load)
fi

for name in "${names[@]}"; do
  printf '==> %secommerce/%s:%s\n' "$registry" "$name" "$tag"
  docker buildx build "${options[@]}" --target "$name" --tag "${registry}ecommerce/$name:$tag" .
done
