#!/usr/bin/env bash
# Sends a bank what its contract has, and what it does not have, and checks each answer: run.sh ENVIRONMENT URL EXAMPLES [TOKEN]. It
# fails on an answer that the contract does not list, on what is refused though it is valid, and on what is accepted though it is not.
# Left out are the feed, whose answer is a stream, and the download, whose key only a list of segments has. It leaves files where it
# runs.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
export SCHEMATHESIS_HOOKS=hooks PYTHONPATH=$here PYTHONDONTWRITEBYTECODE=1
args=()
[ -z "${4:-}" ] || args+=(--header "Authorization: Bearer $4")
exec "$1/bin/st" --config-file "$here/schemathesis.toml" run "$2/openapi.json" --checks all --phases examples,coverage,fuzzing \
  --exclude-path /v1/feed --exclude-path /v1/ops/archive/download --max-examples "$3" --seed 1 --continue-on-failure --no-color "${args[@]}"
