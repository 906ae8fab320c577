package jobs

import (
	"testing"
	"time"

	"passbook/shared/archive"
	"passbook/shared/archive/archivetest"
	"passbook/shared/event"
	"passbook/shared/stream"
	"passbook/shared/web/ops"
)

// A bank was killed with records on the stream that no segment has, and its journal was lost: a restore archives them first.
func TestRestoreArchivesTheStreamsTailFirst(t *testing.T) {
	b := standing(t)
	name := b.Config.Stream(EventStream)
	if err := b.CreateStream(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	created, err := b.Streams.Created(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	entries := archivetest.Bank(1, 1, 20)
	var shard string
	var records []archive.Record
	for _, e := range entries {
		e.State = nil
		enc, err := event.Seal(e)
		if err != nil {
			t.Fatal(err)
		}
		put, err := b.Streams.Put(t.Context(), name, []stream.Record{{PartitionKey: e.Tenant + "#" + e.AccountID, Data: enc.Record}})
		if err != nil || put[0].Err != nil {
			t.Fatal(err, put)
		}
		shard = put[0].Shard
		records = append(records, archive.Record{Sequence: put[0].Sequence, Arrived: time.Now().UTC().Truncate(time.Microsecond), Entry: e})
	}
	w := archive.NewWriter(archive.Source{Stream: name, Created: created, Shard: shard}, archive.Link{})
	for _, r := range records[:len(records)/2] {
		if err := w.Append(r); err != nil {
			t.Fatal(err)
		}
	}
	sealed, err := w.Seal()
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Bucket.Create(t.Context(), sealed.Key, sealed.Data); err != nil {
		t.Fatal(err)
	}
	done, err := b.restore(t.Context(), JournalParams{}, ops.NewProgress())
	if err != nil || done.Entries != int64(len(entries)) {
		t.Errorf("restored %d of %d entries: %v", done.Entries, len(entries), err)
	}
}
