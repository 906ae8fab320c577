#!/usr/bin/env bash
# Compares the queries of archiver/sql with the API of a bank: in DuckDB and two releases of Spark on its archive, and on the events
# table that compact makes of it in DuckDB, as pyiceberg lists its files, and in Spark with the library of Iceberg; and opens the archive with pyarrow, polars and fastparquet: run.sh
# [ACCOUNTS]. The first run installs the engines (about two minutes, 1.5 GB); later ones take about three.
#
# An engine that this machine cannot have is named as left out; without DuckDB the run fails.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
accounts=${1:-10000}

say() { echo "engines: $*"; }
fail() { echo "engines: $*" >&2; exit 1; }

engines=()
for name in duckdb iceberg spark35 spark33; do
  if [[ $name == spark* ]] && ! java -version >/dev/null 2>&1; then
    say "left out: $name (no java: apt-get install openjdk-17-jre-headless)"
  elif python=$("$here/environment.sh" "$name"); then
    engines+=("$name=$python")
  elif [ "$name" = duckdb ]; then
    fail "DuckDB cannot be installed: the reason is above"
  else
    say "left out: $name (it cannot be installed: the reason is above)"
  fi
done

spark=$(printf '%s\n' "${engines[@]}" | sed -n 's/^spark35=//p')
if [ -z "$spark" ]; then
  say "left out: iceberg-spark (it needs spark35)"
elif ICEBERG_JAR=$("$here/environment.sh" iceberg-jar); then
  export ICEBERG_JAR
  engines+=("iceberg-spark=$spark")
else
  say "left out: iceberg-spark (its library cannot be had: the reason is above)"
fi

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
(cd "$here" && go build -trimpath -o "$scratch/bin/" passbook/cmd/bank passbook/cmd/replay passbook/cmd/audit passbook/cmd/compact passbook/cmd/internal/reshard)
python3 -B "$here/check.py" "$scratch/bin" "$scratch" "$accounts" \
  "$here/../../../cmd/internal/golden/testdata/directory-1.tar.gz" "${engines[@]}"
