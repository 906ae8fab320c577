#!/usr/bin/env bash
# The journal comes back as it was at a time, by point-in-time recovery; stream, archive and read models are ahead of it. Runs the
# steps of docs/operations.md, "A journal restored by DynamoDB", on an emulator, and prints the time taken and the events lost.
#
#   localstack/with.sh deploy/drills/journal.sh
#
# DynamoDB Local has no point-in-time recovery: the table as of that time is a scan made then, put into a new table of the old name.
# That is what the second restore of the runbook gives. The way over another name is not drilled.
. "$(dirname "$0")/common.sh"

# put_batch puts rows as a scan printed them. It is the call without the AWS CLI, of which version 1 would encode binary values twice;
# an emulator takes the account and the region from the header, and checks no signature.
put_batch() {
  curl -sSf --max-time 60 "$AWS_ENDPOINT_URL" -H 'Content-Type: application/x-amz-json-1.0' -H 'X-Amz-Target: DynamoDB_20120810.BatchWriteItem' \
    -H "Authorization: AWS4-HMAC-SHA256 Credential=${AWS_ACCESS_KEY_ID:-test}/20260101/$AWS_DEFAULT_REGION/dynamodb/aws4_request, SignedHeaders=host, Signature=none" \
    -d "$1"
}

table=${PASSBOOK_PREFIX}journal
run bank resources >"$work/resources"
start
open_accounts
send 1 400
audited || fail "audit is not clean before the drill"
step "T: $acknowledged events are acknowledged; the journal as of now is what recovery will give"
aws dynamodb scan --table-name "$table" --consistent-read --output json >"$work/then.json"
send 401 1000
audited || fail "audit is not clean before the drill"
send 1001 1300
published # what is in the journal alone is lost with it
stop KILL # what is on the stream and in no segment yet stays there
step "later: $acknowledged events are acknowledged; the bank is killed, and the journal is lost"

lost=$(now)
aws dynamodb describe-table --table-name "$table" --output json | jq '.Table | {
    TableName, KeySchema, AttributeDefinitions, BillingMode: "PAY_PER_REQUEST",
    GlobalSecondaryIndexes: [.GlobalSecondaryIndexes[]? | {IndexName, KeySchema, Projection}]
  } + (if .StreamSpecification.StreamEnabled then {StreamSpecification} else {} end)' >"$work/table.json"
aws dynamodb update-table --table-name "$table" --no-deletion-protection-enabled >"$work/unprotected" 2>&1 || true
aws dynamodb delete-table --table-name "$table" >"$work/deleted"
aws dynamodb wait table-not-exists --table-name "$table"
aws dynamodb create-table --cli-input-json "file://$work/table.json" >"$work/created"
aws dynamodb wait table-exists --table-name "$table"
jq -c --arg t "$table" '.Items as $items | range(0; $items | length; 25) as $i | {RequestItems: {($t): [$items[$i:$i + 25][] | {PutRequest: {Item: .}}]}}' \
  "$work/then.json" >"$work/batches"
while read -r batch; do
  [ "$(put_batch "$batch" | jq '.UnprocessedItems | length')" = 0 ] || fail "a batch was not put"
done <"$work/batches"
step "the journal is back as of T: $(jq '.Items | length' "$work/then.json") rows"

code=0
run bank serve --listen 127.0.0.1:0 >"$work/out" 2>"$work/refused" || code=$?
[ $code = 5 ] || fail "a bank on stores that disagree ended with $code, not 5: $(tail -n 2 "$work/refused")"
step "the bank does not start on it: $(head -n 1 "$work/refused")"

code=0
run replay journal >"$work/restored" 2>&1 || code=$?
[ $code = 0 ] || { cat "$work/restored"; fail "replay journal ended with $code"; }
step "replay journal: $(grep -m 1 'in the journal' "$work/restored" || tail -n 1 "$work/restored")"
start
serving=$(since "$lost")
step "the bank serves"
audited || fail "audit is not clean after the restore"
step "audit ends with 0"
echo
echo "journal: serving $serving s and proven $(since "$lost") s after the loss; $acknowledged events acknowledged, $((acknowledged - $(events journal))) lost"
[ "$(events journal)" = "$acknowledged" ] || fail "events are lost"
