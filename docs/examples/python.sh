#!/usr/bin/env bash
# Runs Python with what the examples and their tests need: python.sh ARGUMENT... The first run installs it, once, into
# PASSBOOK_LOCALSTACK_HOME, by default passbook-localstack in the cache directory of the user.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
home=${PASSBOOK_LOCALSTACK_HOME:-${XDG_CACHE_HOME:-${HOME:?}/.cache}/passbook-localstack}
pins=$(cat "$here/requirements.txt" "$here/../../localstack/requirements.txt" | cksum)
to=$home/examples-${pins%% *}

if [ ! -e "$to/complete" ]; then
  mkdir -p "$home"
  exec 9>"$home/examples.lock"
  flock -w 600 9 || { echo "python.sh: another process has had $home/examples.lock locked for 600 s" >&2; exit 1; }
  if [ ! -e "$to/complete" ]; then
    echo "installing what the examples need in $to" >&2
    python3 -m venv --clear "$to"
    "$to/bin/pip" install -qq --disable-pip-version-check -r "$here/requirements.txt" >&2
    touch "$to/complete"
  fi
  exec 9>&-
fi
export PYTHONDONTWRITEBYTECODE=1
exec "$to/bin/python" "$@"
