#!/usr/bin/env bash
# Runs the tests of the console in a real Chromium: run.sh [ARGUMENTS OF go test], about three minutes on two cores. The first run
# fetches axe-core (3 MB) by the pin and hash beside this file into PASSBOOK_BROWSER_HOME, by default passbook-browser in the cache
# directory of the user. PASSBOOK_BROWSER is the Chromium, by default the one in the PATH. A missing one is a failure: install.sh
# says what Debian has.
#
# With PASSBOOK_PICTURES set to a directory, every page is painted there in each of its states and views.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
home=${PASSBOOK_BROWSER_HOME:-${XDG_CACHE_HOME:-${HOME:?}/.cache}/passbook-browser}
readonly install_seconds=300

fail() { echo "browser: $*" >&2; exit 1; }

browser=${PASSBOOK_BROWSER:-$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)}
[ -n "$browser" ] || fail "there is no chromium: $here/install.sh installs it on Debian, or set PASSBOOK_BROWSER"
npm --version >/dev/null 2>&1 || fail "there is no npm to fetch axe-core with: $here/install.sh installs it on Debian"

mkdir -p "$home"
exec 9>"$home/install.lock"
flock -w "$install_seconds" 9 || fail "another process has had $home/install.lock locked for more than $install_seconds s"
sum=$(cksum <"$here/package-lock.json")
axe=$home/axe-${sum%% *}
if [ ! -e "$axe/complete" ]; then
  echo "browser: fetching axe-core into $axe; this happens once" >&2
  rm -rf "$axe"
  mkdir -p "$axe"
  cp "$here/package.json" "$here/package-lock.json" "$axe/"
  npm ci --prefix "$axe" --no-audit --no-fund --loglevel=error >&2 || fail "axe-core cannot be fetched: the reason is above"
  touch "$axe/complete"
fi
exec 9>&-

cd "$here"
PASSBOOK_BROWSER=$browser PASSBOOK_AXE=$axe/node_modules/axe-core/axe.min.js \
  exec go test -trimpath -count=1 -timeout 15m "$@" .
