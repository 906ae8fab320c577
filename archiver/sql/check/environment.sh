#!/usr/bin/env bash
# Prints the Python that has an engine, which it installs once: environment.sh duckdb|iceberg|spark35|spark33.
#
# The engines are in PASSBOOK_ENGINES_HOME, by default passbook-engines in the cache directory of the user, each in an environment of
# these very pins. The mark of completeness comes last, so an interrupted installation is made again.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
home=${PASSBOOK_ENGINES_HOME:-${XDG_CACHE_HOME:-${HOME:?}/.cache}/passbook-engines}
readonly install_seconds=900

say() { echo "engines: $*" >&2; }

name=$1
case $name in
  duckdb) imported=duckdb ;;
  iceberg) imported=duckdb,pyiceberg.table,pyarrow ;;
  spark*) imported=pyspark.sql ;;
  *) say "no engine has the name $name"; exit 2 ;;
esac
pins=$(cksum <"$here/requirements-$name.txt")
to=$home/$name-${pins%% *}

mkdir -p "$home"
exec 9>"$home/install.lock"
if ! flock -w "$install_seconds" 9; then
  say "another process has had $home/install.lock locked for more than $install_seconds s"
  exit 1
fi
if [ ! -e "$to/complete" ]; then
  say "installing $name in $to; this happens once"
  python3 -m venv --clear "$to" >&2
  "$to/bin/pip" install -qq --disable-pip-version-check -r "$here/requirements-$name.txt" >&2
  "$to/bin/python" -c "import $imported" >&2
  touch "$to/complete"
fi
echo "$to/bin/python"
