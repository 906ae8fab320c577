package replay_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"passbook/shared/archive/archivetest"
	"passbook/shared/event"
	"passbook/shared/faults"
	"passbook/shared/replay"
	"passbook/shared/replay/spill"
	"passbook/shared/stream"
)

// onStream reads everything that is on a stream, shard by shard.
func onStream(t *testing.T, e *env, name string) []*event.Entry {
	t.Helper()
	shards, err := e.stream.Shards(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	var all []*event.Entry
	for _, shard := range shards {
		iterator, err := e.stream.Iterator(t.Context(), name, shard.ID, stream.Position{Where: stream.TrimHorizon})
		if err != nil {
			t.Fatal(err)
		}
		for iterator != "" {
			batch, err := e.stream.Get(t.Context(), iterator, stream.MaxGetRecords)
			if errors.Is(err, stream.ErrThrottled) {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range batch.Records {
				entry, err := event.DecodeRecord(r.Data)
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, entry)
			}
			if len(batch.Records) == 0 && batch.Behind == 0 {
				break
			}
			iterator = batch.Next
		}
	}
	return all
}

func TestRepublish_PutsARangeInOrderOnANamedStream(t *testing.T) {
	e := newEnv(t)
	entries := archivetest.Bank(9, 20, 900)
	e.archiveShuffled(t, entries, 2)
	if err := e.stream.CreateStream(t.Context(), "again", 3); err != nil {
		t.Fatal(err)
	}
	e.stream.Fail(faults.Chances{Seed: 1, Refuse: 20})
	from, to := entries[100].RecordedAt, entries[700].RecordedAt
	c := replay.RepublishConfig{
		Bucket: e.bucket, Journal: e.reader, Table: e.table, Streams: e.stream, Stream: "again", LiveStream: "events", From: from, To: to, Limits: spill.Limits{Memory: 200 << 10},
		Accounts: []event.Account{{Tenant: "main", ID: "A-1"}, {Tenant: "main", ID: "A-7"}},
	}
	published, err := replay.Republish(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if e.stream.Fired().Refuse == 0 {
		t.Fatal("no record was refused")
	}
	e.stream.Fail(faults.Chances{})
	want := map[string][]event.Hash{}
	total := 0
	for _, entry := range entries {
		if (entry.AccountID == "A-1" || entry.AccountID == "A-7") && !entry.RecordedAt.Before(from) && entry.RecordedAt.Before(to) {
			want[entry.AccountID] = append(want[entry.AccountID], entry.Hash)
			total++
		}
	}
	if published != int64(total) || total < 20 {
		t.Fatalf("%d published, want %d", published, total)
	}
	for _, entry := range onStream(t, e, "again") {
		next := want[entry.AccountID]
		if len(next) == 0 || next[0] != entry.Hash {
			t.Fatalf("%s v%d is not what comes next", entry.AccountID, entry.First)
		}
		want[entry.AccountID] = next[1:]
	}
	for id, left := range want {
		if len(left) > 0 {
			t.Fatalf("%d entries of %s are missing", len(left), id)
		}
	}
}

func TestRepublish_RefusesTheLiveStreamUnlessAskedFor(t *testing.T) {
	e := newEnv(t)
	entries := archivetest.Bank(9, 3, 20)
	e.archive(t, "s-0", archivetest.Records(entries), 10)
	if err := e.stream.CreateStream(t.Context(), "events", 1); err != nil {
		t.Fatal(err)
	}
	c := replay.RepublishConfig{Bucket: e.bucket, Journal: e.reader, Table: e.table, Streams: e.stream, Stream: "events", LiveStream: "events"}
	if _, err := replay.Republish(t.Context(), c); !errors.Is(err, replay.ErrLiveStream) {
		t.Fatalf("got %v", err)
	}
	c.Live = true
	c.From = entries[0].RecordedAt.Add(-time.Hour)
	published, err := replay.Republish(t.Context(), c)
	if err != nil || published != int64(len(entries)) {
		t.Fatalf("%d, %v", published, err)
	}
}

// Entries that no segment has yet come from the journal, after those that the archive has of the
// account; also of accounts that are not in the archive.
func TestRepublish_TakesWhatIsNotArchivedYetFromTheJournal(t *testing.T) {
	e := newEnv(t)
	entries := archivetest.Bank(9, 20, 600)
	e.commit(t, entries)
	sealed := entries[:300]
	e.archiveShuffled(t, sealed, 2)
	from, to := entries[250].RecordedAt, entries[550].RecordedAt
	for name, c := range map[string]replay.RepublishConfig{
		"all":          {Limits: spill.Limits{Memory: 100 << 10}},
		"a range":      {From: from, To: to, Limits: spill.Limits{Memory: 100 << 10}},
		"after it all": {From: entries[400].RecordedAt},
		"some":         {Accounts: []event.Account{{Tenant: "main", ID: "A-3"}, {Tenant: "main", ID: "A-11"}}, From: from},
		"one":          {Accounts: []event.Account{{Tenant: "main", ID: "A-3"}}},
	} {
		t.Run(name, func(t *testing.T) {
			c.Bucket, c.Journal, c.Table, c.Streams, c.Stream = e.bucket, e.reader, e.table, e.stream, strings.ReplaceAll(name, " ", "-")
			if err := e.stream.CreateStream(t.Context(), c.Stream, 2); err != nil {
				t.Fatal(err)
			}
			want, total := map[string][]event.Hash{}, 0
			for _, entry := range entries {
				of := event.Account{Tenant: "main", ID: entry.AccountID}
				if (len(c.Accounts) == 0 || slices.Contains(c.Accounts, of)) && !entry.RecordedAt.Before(c.From) && (c.To.IsZero() || entry.RecordedAt.Before(c.To)) {
					want[entry.AccountID] = append(want[entry.AccountID], entry.Hash)
					total++
				}
			}
			published, err := replay.Republish(t.Context(), c)
			if err != nil || published != int64(total) {
				t.Fatalf("%d published, want %d: %v", published, total, err)
			}
			for _, entry := range onStream(t, e, c.Stream) {
				next := want[entry.AccountID]
				if len(next) == 0 || next[0] != entry.Hash {
					t.Fatalf("%s v%d is not what comes next", entry.AccountID, entry.First)
				}
				want[entry.AccountID] = next[1:]
			}
		})
	}
}
