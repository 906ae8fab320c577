#!/usr/bin/env bash
# Runs a command with an AWS endpoint and exits as it does: with.sh COMMAND [ARGUMENT]...
#
# If AWS_ENDPOINT_URL names an endpoint, the command uses that one. Otherwise it gets a separate, empty LocalStack on a free port,
# which is stopped and removed however the command ends.
# shellcheck disable=SC2317 # traps call finish and pass
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
[ $# -gt 0 ] || { echo "usage: with.sh COMMAND [ARGUMENT]..." >&2; exit 2; }

export AWS_REGION=${AWS_REGION:-eu-central-1}
export AWS_EC2_METADATA_DISABLED=true # do not wait for the metadata service of EC2
if [ -z "${AWS_PROFILE:-}" ]; then
  export AWS_ACCESS_KEY_ID=${AWS_ACCESS_KEY_ID:-test} AWS_SECRET_ACCESS_KEY=${AWS_SECRET_ACCESS_KEY:-test}
fi
if [ -n "${AWS_ENDPOINT_URL:-}" ]; then
  exec "$@"
fi

port=
child=

finish() {
  local code=$?
  trap '' INT TERM
  [ -z "$port" ] || "$here/host.sh" remove "$port" >&2 || true
  exit "$code"
}
# pass forwards a signal to the command and all that it started, or ends this script while there is none.
pass() {
  if [ -n "$child" ]; then
    kill -s "$1" -- "-$child" 2>/dev/null || true
  else
    exit "$2"
  fi
}
trap finish EXIT
trap 'pass INT 130' INT
trap 'pass TERM 143' TERM

port=$("$here/host.sh" reserve)
"$here/host.sh" start "$port" >&2
export AWS_ENDPOINT_URL=http://127.0.0.1:$port AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test
export PASSBOOK_TEST_UNVERSIONED=1 # LocalStack 4.9 lets several If-None-Match puts win in a bucket that keeps versions
unset AWS_PROFILE AWS_SESSION_TOKEN

set -m # a separate process group, so that a signal reaches all of it
"$@" <&0 &
child=$!
set +m
code=0
wait "$child" || code=$?
while kill -0 "$child" 2>/dev/null; do # a signal ended the wait, not the command
  code=0
  wait "$child" || code=$?
done
child=
exit "$code"
