#!/usr/bin/env bash
# The bucket of the archive is lost with everything in it. Runs the steps of docs/operations.md, "The bucket is lost", on an
# emulator, and prints the time taken and the events lost.
#
#   localstack/with.sh deploy/drills/bucket.sh
. "$(dirname "$0")/common.sh"

run bank resources >"$work/resources"
start
open_accounts
send 1 600
audited || fail "audit is not clean before the drill"
send 601 900 # some of it is in no segment yet
step "$acknowledged events are acknowledged"

# empty_bucket deletes what is in the bucket; a versioned one is empty when it has neither versions nor markers.
empty_bucket() {
  local of
  for of in Versions DeleteMarkers; do
    while aws s3api list-object-versions --bucket "$PASSBOOK_BUCKET" --max-items 500 --output json |
      jq -e "{Objects: [.$of[]? | {Key, VersionId}], Quiet: true} | select(.Objects != [])" >"$work/batch.json"; do
      aws s3api delete-objects --bucket "$PASSBOOK_BUCKET" --delete "file://$work/batch.json" >"$work/removed"
    done
  done
}

lost=$(now)
for i in $(seq 20); do # the archiver may write into it between the two
  empty_bucket
  aws s3api delete-bucket --bucket "$PASSBOOK_BUCKET" 2>"$work/kept" && break
  [ "$i" != 20 ] || fail "the bucket is not deleted after $i times: $(tail -n 1 "$work/kept")"
done
step "the bucket is lost, beside a bank that serves"
send 901 1000 # commands need no archive
step "commands are still taken: $acknowledged events are acknowledged"
stop TERM
run bank resources >"$work/resources"
step "bank resources made a new bucket and tied it to the bank"
run bank upgrade --list-again --yes >"$work/listed"
step "bank upgrade --list-again: $(tail -n 1 "$work/listed")"
start
step "the bank serves"
code=0
run audit --repair >"$work/repaired" 2>&1 || code=$?
step "audit --repair ended with $code: $(grep -c 'archive: .* missing' "$work/repaired" || true) differences of the archive; what it lacks is on the stream again"
audited || fail "audit is not clean after the repair"
step "audit ends with 0"
echo
echo "bucket: proven $(since "$lost") s after the loss; $acknowledged events acknowledged, journal $(events journal), archive $(events archive): $((acknowledged - $(events archive))) lost"
[ "$(events archive)" = "$acknowledged" ] || fail "events are lost"
