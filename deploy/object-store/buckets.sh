#!/bin/sh
# Make both buckets, and a key that may use them and do nothing else. May run again at any time.
set -eu
mc alias set here "$ENDPOINT" "$(cat "$ROOT_USER_FILE")" "$(cat "$ROOT_PASSWORD_FILE")" >/dev/null
for bucket in imagemill-originals imagemill-results; do
  mc mb --ignore-existing "here/$bucket"
  mc anonymous set none "here/$bucket"
done
mc admin user add here imagemill "$(cat "$SECRET_KEY_FILE")"
mc admin policy create here imagemill "$POLICY_FILE"
# It says no where the policy is attached already.
if ! said=$(mc admin policy attach here imagemill --user imagemill 2>&1); then
  case $said in *"already in effect"*) ;; *) echo "$said" >&2; exit 1 ;; esac
fi
