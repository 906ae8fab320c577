#!/usr/bin/env bash
# The process that keeps the events table is killed at any moment, and another one takes over. Runs compact on the archive in S3 of
# an emulator, and compares the rows of the table with the events that were acknowledged.
#
#   localstack/with.sh deploy/drills/table.sh
. "$(dirname "$0")/common.sh"

compact=${DRILL_COMPACT:-$root/bin/compact}
[ -x "$compact" ] || fail "no program $compact: make build makes it; DRILL_COMPACT names another"
tables=drill-$$-tables
made=("$compact" --to "$tables")
keepers=() # the process ids of compact --every
end() {
  [ ${#keepers[@]} = 0 ] || kill -KILL "${keepers[@]}" 2>/dev/null || true
  finish
}
trap end EXIT

run bank resources >"$work/resources"
code=0
"${made[@]}" >"$work/made" 2>&1 || code=$?
[ "$code" = 5 ] || fail "without a bucket of the tables compact ended with $code: $(cat "$work/made")"
aws s3api create-bucket --bucket "$tables" --create-bucket-configuration "LocationConstraint=$AWS_DEFAULT_REGION" >"$work/created"
start
open_accounts

for i in $(seq 6); do
  send $((100 * i - 99)) $((100 * i))
  "${made[@]}" >"$work/made" 2>&1 &
  keepers=($!)
  sleep "0.$((i * 13 % 10))"
  kill -KILL "${keepers[0]}" 2>/dev/null || true
  wait "${keepers[0]}" 2>/dev/null || true
done
keepers=()
step "compact was killed 6 times, beside commands: $acknowledged events are acknowledged"

# metric N NAME prints a metric of the n-th keeper.
metric() { curl -s "$(awk '$1 == "metrics" {print $2}' "$work/keeper$1")" | awk -v name="passbook_table_$2" '$1 == name {printf "%d", $2}'; }
# has waits until a keeper that works says that the table has every event, and sets works to it.
has() {
  local i n
  for i in $(seq 240); do
    for n in "${!keepers[@]}"; do
      [ "$(metric "$n" works)" = 1 ] && [ "$(metric "$n" rows)" = "$acknowledged" ] || continue
      works=$n
      return 0
    done
    sleep 0.5
  done
  tail -n 5 "$work"/keeper* >&2
  fail "the table has not $acknowledged rows after $i looks"
}
for n in 0 1; do
  "${made[@]}" --every 10s --metrics-listen 127.0.0.1:0 >"$work/keeper$n" 2>&1 &
  keepers[n]=$!
done
has
step "two processes keep the table, which has all $acknowledged"
send 601 700
has
killed=$(now)
kill -KILL "${keepers[$works]}"
unset "keepers[$works]"
send 701 800
has
step "the other one took over $(since "$killed") s after the one that worked was killed"
kill -TERM "${keepers[$works]}"
code=0
wait "${keepers[$works]}" || code=$?
keepers=()
[ "$code" = 0 ] || fail "compact --every ended with $code"
audited || fail "audit is not clean"
"${made[@]}" -o json >"$work/made" 2>"$work/log.compact" || fail "compact ended with $?: $(cat "$work/log.compact")"
[ "$(jq '.events' "$work/made")" = 0 ] || fail "a run after all found events: $(cat "$work/made")"
echo
echo "table: $acknowledged events acknowledged, archive $(events archive), table $acknowledged: 0 lost, 0 twice"
