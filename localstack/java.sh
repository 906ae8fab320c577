#!/bin/sh
# The java that LocalStack finds where it would install a runtime. It runs the machine's java on DynamoDB Local as Maven delivers it,
# a jar beside its libraries, and without LocalStack's agent, which is not in Maven and only raises the limit of 20 indexes per
# table.
at=$(cd "$(dirname "$0")/../../../dynamodb-local/2" && pwd)
n=$#
while [ "$n" -gt 0 ]; do
  argument=$1
  shift
  n=$((n - 1))
  case $argument in
    -javaagent:*) ;;
    -jar)
      shift
      n=$((n - 1))
      set -- "$@" -cp "$at/DynamoDBLocal.jar:$at/DynamoDBLocal_lib/*" com.amazonaws.services.dynamodbv2.local.main.ServerRunner
      ;;
    *) set -- "$@" "$argument" ;;
  esac
done
exec "${PASSBOOK_JAVA:?set by host.sh}" -XX:-UsePerfData -Djava.io.tmpdir="${TMPDIR:?set by host.sh}" "$@"
