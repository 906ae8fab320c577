#!/usr/bin/env bash
# Runs inside LocalStack's container when it is ready: the program bank creates the tables, indexes, streams and bucket that are
# missing, as it does on any endpoint.
set -euo pipefail

bank=/opt/passbook/bank
if ! "$bank" version >/dev/null 2>&1; then
  echo "passbook: there is no program $bank that runs in this container, so no resources were created."
  echo "passbook: start LocalStack with 'make start', which builds it, or run 'make deploy' on the host."
  exit 0
fi
export AWS_ENDPOINT_URL=http://127.0.0.1:4566 AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test
exec "$bank" resources --store aws
