package stores_test

import (
	"testing"

	"passbook/shared/event"
	"passbook/shared/faults"
)

// renew creates the stream again.
func (b *bank) renew() {
	b.t.Helper()
	if err := b.stream.DeleteStream(b.t.Context(), events); err != nil {
		b.t.Fatal(err)
	}
	if err := b.stream.CreateStream(b.t.Context(), events, 1); err != nil {
		b.t.Fatal(err)
	}
}

// archivedBank returns a bank whose archive has all of some entries, in segments of ten.
func archivedBank(t *testing.T, entries []*event.Entry) *bank {
	t.Helper()
	b := newBank(t, t.TempDir())
	must(t, "the first start", b.Begin(t.Context()), "", "")
	b.commit(entries...)
	for i := 0; i < len(entries); i += 10 {
		b.archive(entries[i:min(i+10, len(entries))]...)
	}
	return b
}

// copyOf returns a bank as it was after some of the entries, beside the archive as it is now.
func copyOf(t *testing.T, b *bank, entries []*event.Entry) *bank {
	t.Helper()
	c := newBank(t, b.dir)
	c.commit(entries...)
	c.publish(entries...)
	if _, err := c.Claim(t.Context()); err != nil { // the row of the copy
		t.Fatal(err)
	}
	return c
}

// An older copy of the stores beside a newer archive is refused, with the commands that bring it up
// to the archive.
func TestBegin_RefusesAnOlderCopy(t *testing.T) {
	entries := history()
	restore, renew := "replay journal restores them from the archive", "replay stream --yes"
	t.Run("one database", func(t *testing.T) {
		c := copyOf(t, archivedBank(t, entries), entries[:25])
		c.OneDatabase = true
		must(t, "the start", c.Begin(t.Context()), "an older copy than the archive: the journal lacks its entry main/", restore+"; then "+renew)
		_, err := c.CheckRenew(t.Context())
		must(t, "a new incarnation too soon", err, "the journal lacks its entry main/", restore)
		c.commit(entries[25:]...)
		must(t, "the start after a restore", c.Begin(t.Context()), "the stream is an older copy than the archive", renew)
		if tail, err := c.CheckRenew(t.Context()); tail || err != nil {
			t.Fatalf("tail %v, %v", tail, err)
		}
		c.renew()
		must(t, "the start after it", c.Begin(t.Context()), "", "")
	})
	t.Run("one database, from before its stream's new incarnation", func(t *testing.T) {
		b := archivedBank(t, entries[:40])
		b.renew()
		b.commit(entries[40:]...)
		b.archive(entries[40:]...)
		c := copyOf(t, b, entries[:40])
		c.OneDatabase = true
		must(t, "the start", c.Begin(t.Context()), "the journal lacks its entry main/", renew)
		c.commit(entries[40:]...)
		must(t, "the start after a restore", c.Begin(t.Context()), "the stream is an older copy", renew)
		b.OneDatabase = true
		must(t, "the start of the bank itself", b.Begin(t.Context()), "", "")
	})
	t.Run("tables alone", func(t *testing.T) {
		c := copyOf(t, archivedBank(t, entries), entries[:59])
		must(t, "the start", c.Begin(t.Context()), "the journal lacks its entry main/", restore)
		c.commit(entries[59])
		must(t, "the start after a restore", c.Begin(t.Context()), "", "")
	})
}

// An upload that was not checkpointed and records that were trimmed, as after a crash and after
// some time, do not look like an older copy.
func TestBegin_AcceptsWhatACrashOrTimeLeaves(t *testing.T) {
	entries := history()
	for name, change := range map[string]func(b *bank, last string){
		"uploaded and not checkpointed": func(b *bank, _ string) { b.checkpoint("") },
		"checkpointed and trimmed": func(b *bank, last string) {
			b.checkpoint(last)
			puts := b.publish(entries[0], entries[1])
			if err := b.stream.Trim(b.t.Context(), events, puts[1].Shard, puts[1].Sequence); err != nil {
				b.t.Fatal(err)
			}
		},
		"checkpoints lost": func(*bank, string) {},
		"expired unread": func(b *bank, _ string) {
			b.checkpoint("") // as after the hole that the archiver recorded
			puts := b.publish(entries[0], entries[1])
			after := puts[1].Sequence + "0" // later than any
			if err := b.stream.Trim(b.t.Context(), events, puts[1].Shard, after); err != nil {
				b.t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBank(t, t.TempDir())
			b.OneDatabase = true
			must(t, "the first start", b.Begin(t.Context()), "", "")
			b.commit(entries...)
			_, last := b.archive(entries...)
			change(b, last)
			must(t, "the start", b.Begin(t.Context()), "", "")
			if tail, err := b.CheckRenew(t.Context()); !tail || err != nil {
				t.Errorf("tail %v, %v", tail, err)
			}
		})
	}
}

// A check makes the same number of calls with any size of the archive.
func TestBegin_CostsNoListingOfTheArchive(t *testing.T) {
	cost := func(together bool, segments int) faults.Counts {
		b := newBank(t, t.TempDir())
		b.OneDatabase = together
		must(t, "the first start", b.Begin(t.Context()), "", "")
		entries := history()
		b.commit(entries...)
		for range segments {
			b.archive(entries...)
		}
		client := faults.NewClient(0)
		b.Bucket = client.Bucket(b.Bucket)
		must(t, "the start", b.Begin(t.Context()), "", "")
		return client.Snapshot()
	}
	for _, together := range []bool{true, false} {
		few, many := cost(together, 1), cost(together, 40)
		for _, kind := range []faults.Kind{faults.BucketLists, faults.BucketGets, faults.BucketPuts} {
			if few.All(kind) != many.All(kind) || many.All(kind) > 12 {
				t.Errorf("together %v: %v %s with one segment, %v with forty", together, few.All(kind), kind, many.All(kind))
			}
		}
	}
}
