#!/usr/bin/env bash
# A LocalStack on this machine without Docker: DynamoDB Local, kinesis-mock and S3 behind one port. It is configured to listen on
# the loopback interface, but listens on all: keep the machine behind a firewall, or use Docker, where compose.yaml binds the port.
#
#   host.sh install          install it, once; start does that too (about a minute, 600 MB)
#   host.sh start [PORT]     start it and wait until it is ready; its state is empty each time
#   host.sh ready [PORT]     wait until a LocalStack answers on the port, also one that was started otherwise
#   host.sh stop  [PORT]     end it, and everything that it started
#   host.sh logs  [PORT]     print its log
#   host.sh reserve          print a free port and keep it for one run; remove PORT ends that run and leaves nothing of it
#
# PORT is 4566 by default. Everything is below PASSBOOK_LOCALSTACK_HOME, by default passbook-localstack in the cache
# directory of the user: the installation, which all ports share, and run/PORT with the state, the log and the pid of one of them.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
home=${PASSBOOK_LOCALSTACK_HOME:-${XDG_CACHE_HOME:-${HOME:?}/.cache}/passbook-localstack}
readonly localstack=4.9.2      # the newest that runs on Python 3.11
readonly dynamodb_local=2.6.1  # from Maven
readonly kinesis_mock=0.4.13   # from npm, as kinesis-local; LocalStack looks for this version
readonly ready_seconds=120 stop_seconds=30 install_seconds=900

say() { echo "localstack: $*"; }
fail() { echo "localstack: $*" >&2; exit 1; }

# --- what the machine must have ---

python= # the interpreter to build the installation with

# need NAME ADVICE notes a program that is missing.
missing=()
need() { command -v "$1" >/dev/null 2>&1 || missing+=("$1: $2"); }

# at_least NAME FOUND MINIMUM ADVICE notes a program whose major version is too old.
at_least() { [ "${2:-0}" -ge "$3" ] || missing+=("$1 $3 or newer, found ${2:-none}: $4"); }

# find_python sets python to an interpreter that the pinned packages have wheels for.
find_python() {
  local candidate
  for candidate in python3 python3.13 python3.12 python3.11; do
    if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then
      python=$candidate
      return
    fi
  done
  missing+=("python3.11, 3.12 or 3.13 with venv: apt-get install python3 python3-venv, or brew install python@3.13")
}

check_tools() {
  find_python
  need curl "apt-get install curl, or brew install curl"
  need flock "apt-get install util-linux, or brew install flock"
  need mvn "apt-get install maven, or brew install maven"
  need npm "comes with Node.js: apt-get install npm, or brew install node"
  need node "apt-get install nodejs, or brew install node"
  need java "apt-get install openjdk-17-jre-headless, or brew install openjdk"
  if command -v node >/dev/null 2>&1; then
    at_least node "$(node --version | sed 's/^v//; s/\..*//')" 18 "apt-get install nodejs, or brew install node"
  fi
  if command -v java >/dev/null 2>&1; then
    at_least java "$(java -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p' | head -n 1)" 17 \
      "apt-get install openjdk-17-jre-headless, or brew install openjdk"
  fi
  if [ ${#missing[@]} -gt 0 ]; then
    printf 'localstack: this machine has no %s\n' "${missing[@]}" >&2
    fail "install what is missing, or start a Docker engine"
  fi
}

# --- the installation ---

# installation names the directory of these very pins, so that a change of one of them never mixes with an older installation.
installation() {
  local pins
  pins=$({ cat "$here/requirements.txt"; echo "$dynamodb_local $kinesis_mock"; } | cksum)
  echo "$home/localstack-$localstack-${pins%% *}"
}

# locked FILE SECONDS COMMAND... runs a command of this script while no other process does.
locked() {
  local file=$1 seconds=$2
  shift 2
  exec 9>"$file"
  flock -w "$seconds" 9 || fail "another process has had $file locked for more than $seconds s"
  "$@"
  exec 9>&-
}

install() {
  mkdir -p "$home"
  if [ ! -e "$(installation)/complete" ]; then
    check_tools
    locked "$home/install.lock" "$install_seconds" install_locked
  fi
}

# install_locked builds the installation. The mark comes last: an installation without it is incomplete, and is made again.
install_locked() {
  local to
  to=$(installation)
  [ ! -e "$to/complete" ] || return 0 # another process has installed it
  say "installing LocalStack $localstack in $to; this happens once"
  trap 'say "the installation was not completed; the next start repeats it" >&2' EXIT
  rm -rf "$to"
  mkdir -p "$to/lib"
  "$python" -m venv "$to/venv"
  "$to/venv/bin/pip" install -qq --disable-pip-version-check -r "$here/requirements.txt"
  npm install --loglevel=error --no-fund --no-audit --prefix "$to/lib/kinesis-local/$kinesis_mock" "kinesis-local@$kinesis_mock" >/dev/null
  install_dynamodb "$to/lib"
  touch "$to/complete"
  trap - EXIT
  say "installed"
}

# install_dynamodb lays DynamoDB Local and a java where LocalStack looks before it downloads them.
install_dynamodb() {
  local at=$1/dynamodb-local/2 java=$1/java/21/bin
  mkdir -p "$at/DynamoDBLocal_lib" "$java" "$1/maven"
  cat >"$1/maven/pom.xml" <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion><groupId>passbook</groupId><artifactId>localstack</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>com.amazonaws</groupId><artifactId>DynamoDBLocal</artifactId><version>$dynamodb_local</version></dependency>
  </dependencies>
</project>
POM
  mvn -B -q -Dstyle.color=never -f "$1/maven/pom.xml" dependency:copy-dependencies -DoutputDirectory="$at/DynamoDBLocal_lib" 2>&1 |
    sed $'s/\033\\[[0-9;]*m//g' >&2 # Maven resets colours that it was told not to use
  mv "$at/DynamoDBLocal_lib/DynamoDBLocal-$dynamodb_local.jar" "$at/DynamoDBLocal.jar"
  cp "$here/java.sh" "$java/java"
  chmod +x "$java/java"
}

# --- the processes of one port ---

# members lists the processes of this port: the supervisor, LocalStack, and the engines that it started. All of them have the
# port's directory in their command line, because even python is started by a path in it.
members() {
  ps -A -o pid= -o stat= -o args= | at="$run/fs/" awk '$2 !~ /^Z/ && index($0, ENVIRON["at"]) &&
    /localstack-supervisor|localstack\.runtime\.main|dynamodbv2\.local\.main\.ServerRunner|kinesis-local/ { print $1 }'
}

# supervisor is the pid that start wrote, empty where there is none.
supervisor() { cat "$run/pid" 2>/dev/null || true; }

# healthy reports whether a LocalStack with all three services answers on the port.
healthy() {
  local health
  health=$(curl -sf -m 5 "$url/_localstack/health" 2>/dev/null) || return 1
  local service
  for service in dynamodb kinesis s3; do
    [[ $health =~ \"$service\":\ *\"(running|available)\" ]] || return 1
  done
}

start() {
  install
  mkdir -p "$run"
  locked "$run/lock" "$ready_seconds" start_locked
}

start_locked() {
  if [ -n "$(members)" ]; then
    say "already runs on port $port"
    await "$(supervisor)" || fail "it does not answer at $url after $ready_seconds s: stop it, or see $run/log"
  elif healthy; then
    say "a LocalStack that this script did not start answers at $url"
  elif (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
    fail "port $port is used by something that is not a LocalStack: set another with LOCALSTACK_PORT"
  else
    rm -rf "$run/fs"
    say "starting on port $port; ready within $ready_seconds s"
    launch
    if ! await "$(supervisor)"; then
      tail -n 20 "$run/log" >&2
      stop_locked
      fail "it ended, or was not ready after $ready_seconds s; the end of $run/log is above"
    fi
  fi
  say "ready at $url"
}

# launch starts the supervisor in a separate process group, so that a Ctrl-C meant for another command does not end it.
launch() {
  local from
  from=$(installation)
  mkdir -p "$run/fs/var/lib/localstack" "$run/fs/tmp"
  ln -s "$from/lib" "$run/fs/var/lib/localstack/lib"
  ln -s "$from/venv" "$run/fs/venv"
  set -m
  # OVERRIDE_IN_DOCKER and FILESYSTEM_ROOT keep every file in one folder, the others keep it off the network and from port 53
  env OVERRIDE_IN_DOCKER=0 FILESYSTEM_ROOT="$run/fs" GATEWAY_LISTEN="127.0.0.1:$port" SERVICES=dynamodb,kinesis,kms,s3 \
    EAGER_SERVICE_LOADING=1 DISABLE_EVENTS=1 SKIP_SSL_CERT_DOWNLOAD=1 DNS_ADDRESS=0 PASSBOOK_JAVA="$(command -v java)" \
    TMPDIR="$run/fs/tmp" XDG_CACHE_HOME="$run/fs/cache" PATH="$run/fs/venv/bin:$PATH" \
    "$run/fs/venv/bin/python" "$from/venv/bin/localstack-supervisor" >"$run/log" 2>&1 </dev/null 9>&- &
  set +m
  echo $! >"$run/pid"
  disown
}

# await waits until the port answers; it gives up early when the process it waits for has ended.
await() {
  local end=$((SECONDS + ready_seconds))
  until healthy; do
    if [ -n "$1" ] && ! kill -0 "$1" 2>/dev/null || [ $SECONDS -ge $end ]; then
      return 1
    fi
    sleep 1
  done
}

ready() {
  await "" || fail "no LocalStack answers at $url after $ready_seconds s"
  say "ready at $url"
}

stop() {
  if [ ! -d "$run" ]; then
    say "none was started on port $port"
    return 0
  fi
  locked "$run/lock" "$ready_seconds" stop_locked
}

# stop_locked asks the supervisor to end, which ends LocalStack and its engines; what is left after a while is killed.
stop_locked() {
  local pid left
  left=$(members)
  if [ -z "$left" ]; then
    rm -f "$run/pid"
    say "does not run on port $port"
    return 0
  fi
  pid=$(supervisor)
  if [ -n "$pid" ] && grep -qx "$pid" <<<"$left"; then
    kill -TERM "$pid" 2>/dev/null || true
  else
    say "its supervisor is gone; stopping the processes that it started"
    signal TERM "$left"
  fi
  if ! gone; then
    left=$(members)
    say "still there after $stop_seconds s, killing: ${left//$'\n'/ }"
    signal KILL "$left"
    gone || fail "cannot end $(members)"
  fi
  rm -rf "$run/pid" "$run/fs"
  say "stopped on port $port"
}

# signal NAME PIDS sends a signal to each process of a list, one a line.
signal() {
  local pid
  while read -r pid; do
    [ -z "$pid" ] || kill -"$1" "$pid" 2>/dev/null || true
  done <<<"$2"
}

# gone waits until no process of this port is left.
gone() {
  local end=$((SECONDS + stop_seconds))
  while [ -n "$(members)" ]; do
    [ $SECONDS -lt $end ] || return 1
    sleep 0.2
  done
}

# reserve finds a port on which nobody listens and that has no directory yet; creating the directory reserves it.
reserve() {
  local candidate
  mkdir -p "$home/run"
  for _ in {1..100}; do
    candidate=$((20000 + RANDOM % 10000))
    if ! (exec 3<>"/dev/tcp/127.0.0.1/$candidate") 2>/dev/null && mkdir "$home/run/$candidate" 2>/dev/null; then
      echo "$candidate"
      return
    fi
  done
  fail "found no free port"
}

remove() {
  stop
  rm -rf "$run"
}

logs() {
  [ -e "$run/log" ] || fail "none was started on port $port"
  cat "$run/log"
}

usage() { sed -n '2,/^set /{/^set /d; s/^#\( \|$\)//; p;}' "$0"; }

command=${1:-}
port=${2:-4566}
[[ $port =~ ^[0-9]{1,5}$ ]] || fail "PORT is a number, not $port"
url=http://127.0.0.1:$port
mkdir -p "$home"
home=$(cd "$home" && pwd)
run=$home/run/$port

case $command in
  install | start | ready | stop | logs | reserve | remove) "$command" ;;
  "" | help | -h | --help) usage ;;
  *) usage >&2; exit 2 ;;
esac
