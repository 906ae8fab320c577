# What the drills share. A drill sources it; it is no program.
# shellcheck shell=bash
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
program=${DRILL_PROGRAM:-$root/bin/passbook}

fail() { echo "drill: $*" >&2; exit 1; }

[ -x "$program" ] || fail "no program $program: make build makes it; DRILL_PROGRAM names another"
for tool in aws jq curl; do command -v "$tool" >/dev/null || fail "$tool is missing"; done
case ${AWS_ENDPOINT_URL:-} in
'') fail "a drill deletes what it makes, and needs an emulator: run it by localstack/with.sh, or set AWS_ENDPOINT_URL" ;;
*amazonaws.com*) fail "a drill deletes tables and buckets, and is not for AWS ($AWS_ENDPOINT_URL); docs/operations.md has the steps" ;;
esac

export AWS_DEFAULT_REGION=${AWS_DEFAULT_REGION:-${AWS_REGION:-eu-central-1}} # version 1 of the AWS CLI knows no AWS_REGION
work=$(mktemp -d)
export PASSBOOK_STORE=aws PASSBOOK_PREFIX=drill-$$- PASSBOOK_BUCKET=drill-$$-archive PASSBOOK_DATA=$work
export PASSBOOK_SEGMENT_AGE=2s PASSBOOK_SHARDS=2 PASSBOOK_LEASE=5s PASSBOOK_DRAIN_DELAY=0s
bank= # the process id of the bank
finish() {
  [ -z "$bank" ] || kill -KILL "$bank" 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT

# step says what is done, and after how many seconds of the drill.
step() { printf '%6.1f s  %s\n' "$(since "$begun")" "$*"; }
now() { date +%s.%N; }
since() { echo "$(now) $1" | awk '{printf "%.1f", $1 - $2}'; }
begun=$(now)

run() { "$program" "$@"; } # passbook bank …, replay …, audit …

# start begins to serve, in one process with the stores of the services, and waits until it is ready.
start() {
  : >"$work/out"
  "$program" bank serve --listen 127.0.0.1:0 --log-level warn >"$work/out" 2>>"$work/log" &
  bank=$!
  local i
  for i in $(seq 300); do
    url=$(awk '$1 == "API" {print $2}' "$work/out")
    [ -z "$url" ] || ! curl -sf "$url/readyz" >/dev/null || return 0
    kill -0 "$bank" 2>/dev/null || { tail -n 5 "$work/log" >&2; fail "the bank did not start"; }
    sleep 0.2
  done
  fail "the bank is not ready after $i looks"
}
stop() { # stop SIGNAL
  kill -s "$1" "$bank"
  wait "$bank" 2>/dev/null || true
  bank=
}

# send FROM TO credits one cent FROM…TO on eight accounts and adds to acknowledged what was answered with 201.
acknowledged=0
send() {
  local n
  seq "$1" "$2" | jq -c '{op: "credit", idempotency_key: "c\(.)", account_id: "D-\(. % 8)", amount: 1, currency: "EUR"}' >"$work/lines"
  n=$(curl -sS --max-time 120 "$url/v1/bulk" -H 'Content-Type: application/x-ndjson' --data-binary @"$work/lines" | jq -s 'map(select(.status == 201)) | length')
  [ "$n" = $(($2 - $1 + 1)) ] || fail "$n of the credits $1 to $2 were acknowledged"
  acknowledged=$((acknowledged + n))
}
open_accounts() {
  local i
  for i in 0 1 2 3 4 5 6 7; do
    curl -sSf -o "$work/opened" "$url/v1/accounts" -H 'Content-Type: application/json' -H "Idempotency-Key: open-$i" -d "{\"account_id\":\"D-$i\",\"currency\":\"EUR\"}"
  done
  acknowledged=$((acknowledged + 8))
}

# published waits until the stream has what the journal has.
published() {
  local i
  for i in $(seq 300); do
    [ "$(curl -sSf "$url/metrics" | awk '/^passbook_publish_queue_entries/ {n += $2} END {print n + 0}')" != 0 ] || return 0
    sleep 0.1
  done
  fail "entries are not on the stream after $i looks"
}

# audited runs audit until it finds no difference, as nothing is in transit any more, and prints its last report if it does not.
audited() {
  local code i
  for i in $(seq 45); do
    code=0
    run audit --grace 0s >"$work/audit" 2>&1 || code=$?
    [ $code != 0 ] || break
    sleep 1
  done
  [ $code = 0 ] || { cat "$work/audit"; echo "drill: audit ended with $code after $i looks"; }
  return $code
}
# events prints how many events a store has, by the last audit.
events() { awk -v store="$1" '$1 == store {print $4}' "$work/audit"; }
