#!/usr/bin/env bash
# promtool over what Prometheus gets of Passbook: the rules and their tests, the example of a configuration, and the metrics of a bank
# with an account, as check metrics wants names, types and help.
#
# promtool is the one that PROMTOOL names, or the pinned one, which the first run compiles (about five minutes on two cores, 120 MB) into
# PASSBOOK_PROMTOOL_HOME, by default passbook-promtool in the cache directory of the user. It is no dependency of the module.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
readonly version=v0.316.0 ready_seconds=60
home=${PASSBOOK_PROMTOOL_HOME:-${XDG_CACHE_HOME:-${HOME:?}/.cache}/passbook-promtool}/$version
promtool=${PROMTOOL:-$home/promtool}

fail() { echo "prometheus: $*" >&2; exit 1; }

if [ ! -x "$promtool" ]; then
  [ -z "${PROMTOOL:-}" ] || fail "PROMTOOL=$promtool is no program"
  echo "prometheus: compiling promtool $version into $home; this happens once"
  mkdir -p "$home"
  (cd / && GOBIN=$home GOFLAGS=-mod=mod go install -trimpath "github.com/prometheus/prometheus/cmd/promtool@$version") ||
    fail "promtool cannot be compiled: the reason is above; PROMTOOL names one that is installed"
fi

cd "$here"
"$promtool" check config prometheus.yaml
"$promtool" check rules --lint=all --lint-fatal rules.yaml
"$promtool" test rules rules_test.yaml

scratch=$(mktemp -d)
bank=
stop() {
  [ -z "$bank" ] || { kill "$bank" 2>/dev/null && wait "$bank"; } || true
  rm -rf "$scratch"
}
trap stop EXIT
(cd "$here" && go build -trimpath -o "$scratch/bank" passbook/cmd/bank)
: >"$scratch/log" # the loop may read it before the bank's shell has made it
"$scratch/bank" serve --data "$scratch/data" --listen 127.0.0.1:0 --drain-delay 0s >"$scratch/log" 2>&1 &
bank=$!
for ((i = 0; i < ready_seconds * 10; i++)); do
  api=$(sed -n 's/^ *API *\(http[^ ]*\).*/\1/p' "$scratch/log")
  metrics=$(sed -n 's/^ *metrics *\(http[^ ]*\).*/\1/p' "$scratch/log")
  [ -z "$metrics" ] || ! curl -fsS -o "$scratch/ready" "$api/readyz" 2>/dev/null || break
  kill -0 "$bank" 2>/dev/null || { cat "$scratch/log" >&2; fail "the bank ended"; }
  sleep 0.1
done
[ -n "${metrics:-}" ] || { cat "$scratch/log" >&2; fail "the bank was not ready after $ready_seconds s"; }
curl -fsS -o "$scratch/opened" "$api/v1/accounts" -H 'Content-Type: application/json' -H 'Idempotency-Key: open-1' -d '{"account_id":"A-1","currency":"EUR"}'
curl -fsS "$metrics" >"$scratch/metrics"
"$promtool" check metrics <"$scratch/metrics"
echo "prometheus: $(grep -c '^# HELP passbook_' "$scratch/metrics") metrics of a bank, $(grep -c 'alert:' rules.yaml) alerts and their tests are good"
