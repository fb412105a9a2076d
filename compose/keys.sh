#!/usr/bin/env bash
# Makes what services know each other by, where it is not there yet: the key that tokens are signed with, and a token each.
set -euo pipefail

folder=${1:-/run/weir}
umask 077
for name in api-gateway product-service order-service payment-service notification-service analytics-service; do
  token=$folder/$name.token
  [[ -s $token ]] || {
    user-service issue-service-token --signing-key-file "$folder/signing-key.pem" --name "$name" >"$token.partial"
    mv "$token.partial" "$token"
  }
done
# The user of the images.
chown -R 10001:10001 "$folder"
