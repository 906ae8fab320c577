package archive_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"passbook/shared/archive"
	"passbook/shared/archive/archivetest"
	"passbook/shared/bucket"
	"passbook/shared/bucket/dirbucket"
	"passbook/shared/event"
)

// chain puts records into a new bucket, so many a segment, and gives the keys.
func chain(t *testing.T, records []archive.Record, perSegment int) (bucket.Bucket, string, []string) {
	t.Helper()
	dir := t.TempDir()
	b, err := dirbucket.New(dir)
	if err != nil {
		t.Fatal(err)
	}
	var link archive.Link
	var keys []string
	for len(records) > 0 {
		n := min(perSegment, len(records))
		sealed := seal(t, records[:n], link)
		records = records[n:]
		if err := b.Create(t.Context(), sealed.Key, sealed.Data); err != nil {
			t.Fatal(err)
		}
		link = archive.Link{Key: sealed.Key, Last: sealed.Footer.Last}
		keys = append(keys, sealed.Key)
	}
	return b, dir, keys
}

func TestPlan_SumsAndRanges(t *testing.T) {
	entries := archivetest.Bank(3, 10, 500)
	b, _, keys := chain(t, archivetest.Records(entries), 100)
	p, err := archive.LoadPlan(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	events := 0
	for _, e := range entries {
		events += len(e.Events)
	}
	if len(p.Segments) != len(keys) || p.Entries != 500 || p.Events != int64(events) || p.Bytes == 0 || len(p.Breaks) != 0 {
		t.Fatalf("%+v", p)
	}
	if got := p.Until(archivetest.Start.Add(-time.Second)); len(got.Segments) != 0 || got.Events != 0 {
		t.Fatalf("%d segments before the start", len(got.Segments))
	}
	far := archivetest.Start.AddDate(1, 0, 0)
	if got := p.Until(far); got.Events != p.Events {
		t.Fatalf("%d events until the end", got.Events)
	}
	if got := p.Between(far, far.Add(time.Hour)); len(got.Segments) != 0 {
		t.Fatalf("%d segments after the end", len(got.Segments))
	}
}

func TestPlan_NamesBreaksAndDamage(t *testing.T) {
	b, dir, keys := chain(t, archivetest.Records(archivetest.Bank(3, 10, 500)), 100)
	if err := os.Remove(filepath.Join(dir, keys[1])); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(dir, keys[4]), 1000); err != nil {
		t.Fatal(err)
	}
	p, err := archive.LoadPlan(t.Context(), b)
	if err != nil || len(p.Breaks) != 1 || len(p.Damaged) != 1 || len(p.Segments) != 3 {
		t.Fatalf("%d segments, breaks %v, damaged %v, %v", len(p.Segments), p.Breaks, p.Damaged, err)
	}
	mustName(t, p.Damaged[0], archive.ErrDamaged, keys[4])
	if _, err := p.Whole(); !errors.Is(err, archive.ErrDamaged) {
		t.Fatalf("got %v", err)
	}
	if err := b.Create(t.Context(), archive.Root+"notes.txt", []byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := archive.LoadPlan(t.Context(), b); err == nil {
		t.Fatal("an object that is no segment was passed over")
	}
}

// Every account is in exactly one part, and reading the parts one after another gives every entry once.
func TestPlan_ReadByParts(t *testing.T) {
	entries := archivetest.Bank(3, 40, 800)
	b, _, _ := chain(t, archivetest.Records(entries), 100)
	p, err := archive.LoadPlan(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	parts := p.Parts(200)
	if parts < 4 {
		t.Fatalf("%d parts", parts)
	}
	seen := map[event.Hash]int{}
	for part := range parts {
		var mu sync.Mutex
		inPart := 0
		keep := func(tenant, account string) bool { return archive.Part(tenant, account, parts) == part }
		take := func(batch []archive.Record) error {
			mu.Lock()
			defer mu.Unlock()
			for _, rec := range batch {
				seen[rec.Entry.Hash]++
				inPart++
			}
			return nil
		}
		err := p.Read(t.Context(), b, archive.Exact, keep, take, func(err error) error { return err }, nil)
		if err != nil {
			t.Fatal(err)
		}
		if inPart > 500 {
			t.Errorf("part %d has %d of %d entries", part, inPart, len(entries))
		}
	}
	for _, e := range entries {
		if seen[e.Hash] != 1 {
			t.Fatalf("%s v%d was read %d times", e.AccountID, e.First, seen[e.Hash])
		}
	}
}

func TestRecords_OneBadEntryDoesNotEndTheWalk(t *testing.T) {
	records := archivetest.Records(archivetest.Bank(3, 5, 100))
	forged := *records[40].Entry
	forged.Events = append([]event.Event(nil), forged.Events...)
	forged.Events[0].After.Limit++
	records[40].Entry = &forged
	sealed := seal(t, records, archive.Link{})
	segment, err := archive.Parse(sealed.Key, sealed.Data)
	if err != nil {
		t.Fatal(err)
	}
	good, bad := 0, 0
	for rec, err := range segment.Records(archive.Exact) {
		var entry *archive.EntryError
		switch {
		case err == nil && rec.Entry != nil:
			good++
		case errors.As(err, &entry) && entry.AccountID == forged.AccountID && entry.First == forged.First && errors.Is(err, archive.ErrDamaged):
			bad++
		default:
			t.Fatal(fmt.Errorf("%+v, %w", rec, err))
		}
	}
	if good != len(records)-1 || bad != 1 {
		t.Fatalf("%d good, %d bad", good, bad)
	}
}
