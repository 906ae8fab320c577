#!/usr/bin/env bash
# Runs the five services, webhooks and the console in the foreground as one job, each line of output after the name of its service: run.sh [DIRECTORY]
#
# DIRECTORY holds the program passbook; it is ../bin by default. Ctrl-C, SIGTERM, or one service that ends, end all of them in
# the order of the pipeline, so that what was accepted is still read: first the writers, then the readers, then the archiver. The
# exit code is that of the service that ended by itself, else 0. Needs bash 4.4.
# shellcheck disable=SC2317 # a trap calls stop_first
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
bin=${1:-$here/../bin}
readonly drain_seconds=60 # longer than a service takes to drain
services=(withdraw credit balance creditlimit webhooks archiver console)
ports=(8081 8082 8083 8084 8087 8085 8086)

[ -x "$bin/passbook" ] || { echo "run.sh: no program $bin/passbook: make -C localstack run builds it" >&2; exit 1; }

# prefix puts a name before each line. It ends when its service does; signals are for the services only.
prefix() {
  trap '' INT TERM
  local line
  while IFS= read -r line || [ -n "$line" ]; do
    printf '%-11s | %s\n' "$1" "$line"
  done
}

pids=()
printers=()
ending=
asked= # the service that was already asked to end: a second signal would end it at once
stop_first() { # the end of one service ends the wait below, also when the signal came just before it
  ending=yes
  if [ ${#pids[@]} -gt 0 ] && [ -z "$asked" ]; then
    asked=${pids[0]}
    kill -TERM "$asked" 2>/dev/null || true
  fi
}
trap stop_first INT TERM
set -m # each service has a separate process group: a Ctrl-C reaches this script, which ends them in order
for i in "${!services[@]}"; do
  exec {out}> >(prefix "${services[i]}")
  printers+=("$!")
  # no balancer is in front of them that would have to learn first that they end
  PASSBOOK_LISTEN=127.0.0.1:${ports[i]} PASSBOOK_DRAIN_DELAY=${PASSBOOK_DRAIN_DELAY:-0s} "$bin/passbook" "${services[i]}" </dev/null >&"$out" 2>&1 {out}>&- &
  pids+=("$!")
  exec {out}>&-
done
set +m
echo "accounts are opened at http://127.0.0.1:8082, money goes out at :8081, and is read at :8083; README has the calls"
echo "look at it in a browser: http://127.0.0.1:8086/ui/"

code=0
[ -n "$ending" ] || wait -n "${pids[@]}" || code=$?
[ -z "$ending" ] || code=0

# end asks some of the services to end, waits for them, and kills one that does not within drain_seconds. One that did not end by
# itself makes the exit code 1.
end() {
  local pid status limit=$((SECONDS + drain_seconds))
  for pid in "$@"; do
    [ "$pid" = "$asked" ] || kill -TERM "$pid" 2>/dev/null || true
  done
  for pid in "$@"; do
    while kill -0 "$pid" 2>/dev/null && [ $SECONDS -lt $limit ]; do
      sleep 0.1
    done
    kill -KILL "$pid" 2>/dev/null && echo "run.sh: killed process $pid after $drain_seconds s" >&2
    status=0
    wait "$pid" 2>/dev/null || status=$?
    [ "$status" -lt 128 ] || { echo "run.sh: process $pid was ended by signal $((status - 128))" >&2; code=1; }
  done
}
trap '' INT TERM
end "${pids[0]}" "${pids[1]}"
end "${pids[2]}" "${pids[3]}" "${pids[4]}"
end "${pids[5]}"
end "${pids[6]}"
for pid in "${printers[@]}"; do
  wait "$pid" 2>/dev/null || true
done
exit "$code"
