#!/usr/bin/env bash
# Makes clients of the contract in Go, TypeScript and Python, compiles them, and runs each against a new bank; then schemathesis
# sends that bank what the contract allows and what it forbids: run.sh [EXAMPLES], so many requests for each call.
#
# The first run installs the generators (about a minute, 250 MB) in PASSBOOK_CLIENTS_HOME, by default passbook-clients in the cache
# directory of the user, each by the pins beside this file. A machine without node leaves TypeScript out, and says so.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
home=${PASSBOOK_CLIENTS_HOME:-${XDG_CACHE_HOME:-${HOME:?}/.cache}/passbook-clients}
readonly install_seconds=900 ready_seconds=60
examples=${1:-25}

say() { echo "clients: $*"; }
fail() { echo "clients: $*" >&2; exit 1; }

# installed NAME PINS COMMAND... prints the directory of an installation by a file of pins, and makes it with the command, which gets the
# directory last, if it is not complete. The mark of completeness comes last, so an interrupted installation is made again.
installed() {
  local name=$1 pins=$2 sum to
  shift 2
  sum=$(cksum <"$pins")
  to=$home/$name-${sum%% *}
  if [ ! -e "$to/complete" ]; then
    say "installing $name in $to; this happens once" >&2
    rm -rf "$to"
    mkdir -p "$to"
    "$@" "$pins" "$to" >&2 || return 1
    touch "$to/complete"
  fi
  echo "$to"
}
with_pip() {
  python3 -m venv --clear "$2" && "$2/bin/pip" install -qq --disable-pip-version-check -r "$1"
}
with_npm() {
  cp "$here/typescript/package.json" "$1" "$2/" && npm ci --prefix "$2" --no-audit --no-fund --loglevel=error
}

mkdir -p "$home"
exec 9>"$home/install.lock"
flock -w "$install_seconds" 9 || fail "another process has had $home/install.lock locked for more than $install_seconds s"
python=$(installed python "$here/python/requirements.txt" with_pip) || fail "openapi-python-client cannot be installed: the reason is above"
fuzzer=$(installed schemathesis "$here/schemathesis/requirements.txt" with_pip) || fail "schemathesis cannot be installed: the reason is above"
node=
if ! node --version >/dev/null 2>&1 || ! npm --version >/dev/null 2>&1; then
  say "left out: the client in TypeScript (no node with npm: apt-get install nodejs npm)"
else
  node=$(installed node "$here/typescript/package-lock.json" with_npm) || fail "openapi-typescript cannot be installed: the reason is above"
fi
exec 9>&-

scratch=$(mktemp -d)
bank=
stop() {
  [ -z "$bank" ] || { kill "$bank" 2>/dev/null && wait "$bank"; } || true
  rm -rf "$scratch"
}
trap stop EXIT
(cd "$here" && go build -trimpath -o "$scratch/bank" passbook/cmd/bank)
"$scratch/bank" serve --auth apikey --listen 127.0.0.1:0 --data "$scratch/data" --log-level warn >"$scratch/bank.out" 2>"$scratch/bank.log" &
bank=$!
url=
for ((second = 0; second < ready_seconds; second++)); do
  url=$(grep -om1 'http://127\.0\.0\.1:[0-9]*' "$scratch/bank.out") && curl -fsS "$url/readyz" >/dev/null 2>&1 && break
  kill -0 "$bank" 2>/dev/null || { cat "$scratch/bank.log" >&2; fail "the bank has ended"; }
  sleep 1
done
token=$(cat "$scratch/data/first-key")
curl -fsS "$url/openapi.json" -o "$scratch/openapi.json" || fail "the bank is not ready after $ready_seconds s"

cp -r "$here/go" "$scratch/go"
(cd "$scratch/go" && go tool oapi-codegen -config oapi-codegen.yaml "$scratch/openapi.json" && go vet ./... && go build -trimpath -o client .)
"$scratch/go/client" "$url" "$token"

if [ -n "$node" ]; then
  cp -r "$here/typescript" "$scratch/typescript"
  ln -s "$node/node_modules" "$scratch/typescript/node_modules"
  (cd "$scratch/typescript" && node_modules/.bin/openapi-typescript "$scratch/openapi.json" -o passbook.d.ts >/dev/null && node_modules/.bin/tsc)
  node "$scratch/typescript/built/client.js" "$url" "$token"
fi

cp -r "$here/python" "$scratch/python"
(cd "$scratch/python" && "$python/bin/openapi-python-client" generate --path "$scratch/openapi.json" --config generator.yml --meta none \
  --output-path passbook_client >generated.log 2>&1) || { cat "$scratch/python/generated.log" >&2; fail "no client in Python"; }
# The two calls whose bodies the generator does not know: lines of JSON, and YAML.
left_out=$(grep -c '^WARNING' "$scratch/python/generated.log") || true
[ "$left_out" -le 2 ] || { cat "$scratch/python/generated.log" >&2; fail "the client in Python lacks calls"; }
"$python/bin/python" -m compileall -q "$scratch/python"
"$python/bin/python" "$scratch/python/client.py" "$url" "$token"

(cd "$scratch" && "$here/schemathesis/run.sh" "$fuzzer" "$url" "$examples" "$token")
