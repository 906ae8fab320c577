#!/usr/bin/env bash
# Compares the queries of archiver/sql with the API of a bank: in DuckDB and two releases of Spark on its archive, and in DuckDB on the
# events table that compact makes of it, as pyiceberg lists its files; and opens the archive with pyarrow, polars and fastparquet: run.sh
# [ACCOUNTS]. The first run installs the engines (about two minutes, 1.5 GB); later ones take about three.
#
# The engines are in PASSBOOK_ENGINES_HOME, by default passbook-engines in the cache directory of the user, each in an environment of
# these very pins. One that this machine cannot have is named as left out; without DuckDB the run fails.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
home=${PASSBOOK_ENGINES_HOME:-${XDG_CACHE_HOME:-${HOME:?}/.cache}/passbook-engines}
readonly install_seconds=900
accounts=${1:-10000}

say() { echo "engines: $*"; }
fail() { echo "engines: $*" >&2; exit 1; }

# environment NAME prints the interpreter of an environment, and installs it if it is not complete. The mark of completeness comes
# last, so an interrupted installation is made again.
environment() {
  local name=$1 pins to imported=duckdb
  pins=$(cksum <"$here/requirements-$name.txt")
  to=$home/$name-${pins%% *}
  if [ ! -e "$to/complete" ]; then
    say "installing $name in $to; this happens once" >&2
    case $name in
      spark*) imported=pyspark.sql ;;
      iceberg) imported=duckdb,pyiceberg.table,pyarrow ;;
    esac
    python3 -m venv --clear "$to" >&2 &&
      "$to/bin/pip" install -qq --disable-pip-version-check -r "$here/requirements-$name.txt" >&2 &&
      "$to/bin/python" -c "import $imported" >&2 &&
      touch "$to/complete" || return 1
  fi
  echo "$to/bin/python"
}

mkdir -p "$home"
exec 9>"$home/install.lock"
flock -w "$install_seconds" 9 || fail "another process has had $home/install.lock locked for more than $install_seconds s"
engines=()
for name in duckdb iceberg spark35 spark33; do
  if [[ $name == spark* ]] && ! java -version >/dev/null 2>&1; then
    say "left out: $name (no java: apt-get install openjdk-17-jre-headless)"
  elif python=$(environment "$name"); then
    engines+=("$name=$python")
  elif [ "$name" = duckdb ]; then
    fail "DuckDB cannot be installed: the reason is above"
  else
    say "left out: $name (it cannot be installed: the reason is above)"
  fi
done
exec 9>&-

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
(cd "$here" && go build -trimpath -o "$scratch/bin/" passbook/cmd/bank passbook/cmd/replay passbook/cmd/audit passbook/cmd/compact passbook/cmd/internal/reshard)
python3 -B "$here/check.py" "$scratch/bin" "$scratch" "$accounts" \
  "$here/../../../cmd/internal/golden/testdata/directory-1.tar.gz" "${engines[@]}"
