#!/usr/bin/env bash
# Prints the Python that has an engine, which it installs once: environment.sh duckdb|iceberg|spark35|spark33. With iceberg-jar it
# prints the library by which Spark 3.5 reads tables of Iceberg, which it takes from Maven once.
#
# The engines are in PASSBOOK_ENGINES_HOME, by default passbook-engines in the cache directory of the user, each in an environment of
# these very pins. The mark of completeness comes last, so an interrupted installation is made again.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
home=${PASSBOOK_ENGINES_HOME:-${XDG_CACHE_HOME:-${HOME:?}/.cache}/passbook-engines}
readonly install_seconds=900

say() { echo "engines: $*" >&2; }

readonly iceberg_jar=iceberg-spark-runtime-3.5_2.12 iceberg_version=1.10.1

name=$1
if [ "$name" = iceberg-jar ]; then
  jar=$home/$iceberg_jar-$iceberg_version.jar
  if [ ! -e "$jar" ]; then
    command -v mvn >/dev/null || { say "no mvn: apt-get install maven"; exit 1; }
    mkdir -p "$home"
    part=$(mktemp -d "$home/jar.XXXXXX")
    trap 'rm -rf "$part"' EXIT
    (cd "$part" && timeout "$install_seconds" mvn -q -B dependency:copy "-Dartifact=org.apache.iceberg:$iceberg_jar:$iceberg_version" "-DoutputDirectory=$part" >&2)
    mv "$part/$iceberg_jar-$iceberg_version.jar" "$jar"
  fi
  echo "$jar"
  exit
fi
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
