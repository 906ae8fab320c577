package feed_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/feed/feedtest"
	"passbook/shared/stream"
)

// behind makes events of accounts in all shards, and returns a cursor before them.
func (b *bank) behind(credits int) (cursor string) {
	b.t.Helper()
	ids := []string{"A", "B", "C", "D", "E", "F"}
	for _, id := range ids {
		b.open(id, "EUR", "")
	}
	time.Sleep(time.Second)
	r := begun(feedtest.Open(b.t, b.feed, ""))
	time.Sleep(time.Minute)
	r.Close()
	for range credits {
		for _, id := range ids {
			b.credit(id, 1)
		}
	}
	time.Sleep(time.Second)
	return r.Cursor()
}

// batch returns the bytes of a batch that a feed reads, of records like those of behind.
func (b *bank) batch() (bytes int64) {
	b.t.Helper()
	shards, err := b.store.Streams.Shards(b.t.Context(), events)
	if err != nil {
		b.t.Fatal(err)
	}
	iterator, err := b.store.Streams.Iterator(b.t.Context(), events, shards[0].ID, stream.Position{})
	if err != nil {
		b.t.Fatal(err)
	}
	got, err := b.store.Streams.Get(b.t.Context(), iterator, 128)
	if err != nil || len(got.Records) < 128 {
		b.t.Fatalf("%d records, %v", len(got.Records), err)
	}
	for _, r := range got.Records {
		bytes += int64(len(r.Data) + len(r.PartitionKey))
	}
	return bytes
}

// A reader that takes long for a batch is left alone until others wait for its memory. They wait
// for it as long as it takes, and then have all their events.
func TestASlowReaderGivesWayToThoseThatWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBank(t)
		cursor := b.behind(100)
		b.feed.LimitPast(stream.MaxGetBytes)
		alone := feedtest.OpenSlow(t, b.feed, "cursor="+cursor, 25*time.Second)
		time.Sleep(2 * time.Minute)
		if got := alone.Bye(); got != "" {
			t.Fatalf("a slow reader alone ended with %q", got)
		}
		alone.Close()
		slow := feedtest.OpenSlow(t, b.feed, "cursor="+cursor, 25*time.Second)
		time.Sleep(40 * time.Second) // it has the header, and takes the first piece
		quick := feedtest.Open(t, b.feed, "until=now&cursor="+cursor)
		if why := ended(t, quick, 10*time.Minute); why != "complete" || len(quick.Events()) < 600 {
			t.Errorf("who waited ended with %q, %d events", why, len(quick.Events()))
		}
		if why := ended(t, slow, 5*time.Minute); why != "reader-too-slow" {
			t.Errorf("the slow reader ended with %q", why)
		}
		before := slow.Events()
		again := feedtest.Open(t, b.feed, "until=now&cursor="+slow.Cursor())
		if why := ended(t, again, time.Minute); why != "complete" {
			t.Errorf("its reader, again: %q", why)
		}
		got := slices.Compact(slices.Sorted(slices.Values(append(before, again.Events()...))))
		if want := slices.Compact(slices.Sorted(slices.Values(quick.Events()))); !slices.Equal(got, want) {
			t.Errorf("it has %d events of %d", len(got), len(want))
		}
	})
}

// A reader holds one batch, however many shards it is behind on.
func TestASlowReaderHoldsOneBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBank(t)
		cursor := b.behind(100)
		b.feed.LimitPast(stream.MaxGetBytes + 3*b.batch()/2) // for one batch beside that of a read
		slow := feedtest.OpenSlow(t, b.feed, "cursor="+cursor, 25*time.Second)
		time.Sleep(40 * time.Second) // it has the header, and takes the first piece
		quick := feedtest.Open(t, b.feed, "until=now&cursor="+cursor)
		if why := ended(t, quick, 20*time.Second); why != "complete" || slow.Bye() != "" {
			t.Errorf("beside a slow reader: %q, which ended with %q", why, slow.Bye())
		}
	})
}
