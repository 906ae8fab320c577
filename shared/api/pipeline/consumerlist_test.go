package pipeline

import (
	"encoding/json"
	"testing"
	"time"

	"passbook/shared/api"
)

// An answer with everything in it, and one without what is optional, are the bytes that callers
// have always got.
func TestConsumersOnTheWire(t *testing.T) {
	behind := int64(0)
	at := api.Time{Time: time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)}
	list := ConsumerList{Consumers: []ConsumerStatus{{Name: "balance-1", Stream: "s", Shards: []ShardStatus{
		{Shard: "a", Owner: "o", Position: "1", BehindSeconds: 1.5, AsOf: at, Ended: true, Holes: 2}, {Shard: "b"},
	}, Blocked: []Blocked{{AccountID: "A-1", BlockedAtVersion: 3, BehindVersions: &behind, Cause: "c"}, {Record: "s#a#1", Cause: "c"}}}}}
	want := `{"consumers":[{"name":"balance-1","stream":"s","shards":[` +
		`{"shard":"a","owner":"o","position":"1","behind_seconds":1.500,"as_of":"2026-11-21T08:00:00.000000Z","ended":true,"holes":2},` +
		`{"shard":"b","owner":"","position":"","behind_seconds":0.000}],` +
		`"blocked":[{"account_id":"A-1","blocked_at_version":3,"behind_versions":0,"cause":"c"},{"record":"s#a#1","cause":"c"}]}]}`
	if got, err := json.Marshal(list); err != nil || string(got) != want {
		t.Errorf("%v\n%s\nwant\n%s", err, got, want)
	}
}
