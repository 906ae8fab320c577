package archive_test

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"passbook/shared/archive"
	"passbook/shared/archive/archivetest"
	"passbook/shared/bucket"
	"passbook/shared/bucket/dirbucket"
	"passbook/shared/event"
	"passbook/shared/segment"
)

// chain puts records into a new bucket, so many in each segment, and returns the keys.
func chain(t *testing.T, records []segment.Record, perSegment int) (bucket.Bucket, string, []string) {
	t.Helper()
	dir := t.TempDir()
	b, err := dirbucket.New(dir)
	if err != nil {
		t.Fatal(err)
	}
	var link segment.Link
	var keys []string
	for len(records) > 0 {
		n := min(perSegment, len(records))
		sealed := seal(t, records[:n], link)
		records = records[n:]
		if err := b.Create(t.Context(), sealed.Key, sealed.Data); err != nil {
			t.Fatal(err)
		}
		link = segment.Link{Key: sealed.Key, Last: sealed.Footer.Last}
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
	if len(p.Segments) != len(keys) || p.Entries != 500 || p.Events != int64(events) || p.Bytes == 0 || len(p.Gaps) != 0 {
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

// A lost part of a chain is a gap with its bounds. A segment that does not belong to the chain is
// named and stops nothing.
func TestPlan_NamesGapsAndStrays(t *testing.T) {
	records := archivetest.Records(archivetest.Bank(3, 10, 500))
	b, dir, keys := chain(t, records, 100)
	put := func(key string, data []byte) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, key)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, key), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	whole, err := os.ReadFile(filepath.Join(dir, keys[2]))
	if err != nil {
		t.Fatal(err)
	}
	name, err := segment.ParseKey(keys[2])
	if err != nil {
		t.Fatal(err)
	}
	day, shard, next := name, name, name
	day.Date, shard.Shard, next.First = name.Date.AddDate(5, 0, 0), "shardId-000000000007", records[201].Sequence
	strays := []string{
		filepath.Dir(keys[2]) + "/_SUCCESS", filepath.Dir(keys[2]) + "/.part.crc", "events/v1/" + "notes.txt",
		"events/v1/" + "date=2026-13-29/x/y.parquet", day.Key(), shard.Key(), next.Key(),
	}
	for _, stray := range strays {
		put(stray, whole)
	}
	p, err := archive.LoadPlan(t.Context(), b)
	if err != nil || len(p.Gaps) != 0 || len(p.Segments) != 5 || p.Strays.Count != int64(len(strays)) {
		t.Fatalf("%d segments, gaps %v, strays %v, %v", len(p.Segments), p.Gaps, p.Strays, err)
	}
	for _, stray := range strays {
		if !slices.ContainsFunc(p.Strays.List, func(s string) bool { return strings.HasPrefix(s, stray+": ") }) {
			t.Errorf("%s is not named in %v", stray, p.Strays.List)
		}
	}

	if err := os.Remove(filepath.Join(dir, keys[1])); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(dir, keys[4]), 1000); err != nil {
		t.Fatal(err)
	}
	p, err = archive.LoadPlan(t.Context(), b)
	if err != nil || len(p.Gaps) != 2 || len(p.Segments) != 3 {
		t.Fatalf("%d segments, gaps %v, %v", len(p.Segments), p.Gaps, err)
	}
	lost, cut := p.Gaps[0], p.Gaps[1]
	if lost.Key != keys[1] || lost.After.Key != keys[0] || lost.Last != records[199].Sequence || lost.Until != records[200].Arrived.UnixMicro() ||
		!strings.Contains(lost.What, keys[1]+" is missing") {
		t.Errorf("lost: %+v", lost)
	}
	if cut.Key != keys[4] || cut.After.Key != keys[3] || cut.Last != "" || cut.Until != math.MaxInt64 || !strings.Contains(cut.What, "damaged") {
		t.Errorf("cut: %+v", cut)
	}
}

// More of an account can be lost only after its last entry, in its own shard or in one that began
// later.
func TestPlan_GapAfterTheLastEntryOfAnAccount(t *testing.T) {
	records := archivetest.Records(archivetest.Bank(3, 10, 500))
	b, dir, keys := chain(t, records, 100)
	if err := os.Remove(filepath.Join(dir, keys[2])); err != nil {
		t.Fatal(err)
	}
	other, late := source, source
	other.Shard, late.Shard = "shardId-000000000001", "shardId-000000000002"
	for shard, part := range map[string][]segment.Record{other.Shard: records[:450], late.Shard: records[490:]} {
		w := segment.NewWriter(1, "", segment.Source{Stream: source.Stream, Created: source.Created, Shard: shard}, segment.Link{})
		for _, rec := range part {
			if err := w.Append(rec); err != nil {
				t.Fatal(err)
			}
		}
		sealed, err := w.Seal()
		if err == nil {
			err = b.Create(t.Context(), sealed.Key, sealed.Data)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	p, err := archive.LoadPlan(t.Context(), b)
	if err != nil || len(p.Gaps) != 1 {
		t.Fatalf("%v, %v", p.Gaps, err)
	}
	if lives := p.Incarnations(); len(lives) != 1 || lives[0].Shards != 3 || lives[0].Segments != len(p.Segments) || lives[0].Events != p.Events {
		t.Fatalf("%v", lives)
	}
	for name, c := range map[string]struct {
		source segment.Source
		record int
		want   bool
	}{
		"before the gap":                  {source, 150, true},
		"behind the gap":                  {source, 301, false},
		"on a shard beside it":            {other, 150, false},
		"on a shard that ended before it": {late, 150, false},
	} {
		if g, got := p.GapAfter(archive.Position{Source: c.source, Arrived: records[c.record].Arrived}); got != c.want || got && g.Key != keys[2] {
			t.Errorf("%s: %v, %v", name, got, g)
		}
	}
}

// Every account is in exactly one part, and reading the parts one after another gives every entry
// once.
func TestPlan_ReadByParts(t *testing.T) {
	entries := archivetest.Bank(3, 40, 800)
	b, _, _ := chain(t, archivetest.Records(entries), 100)
	p, err := archive.LoadPlan(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	const parts = 5
	seen := map[event.Hash]int{}
	for part := range parts {
		var mu sync.Mutex
		inPart := 0
		keep := func(tenant, account string) bool { return archive.Part(tenant, account, parts) == part }
		take := func(_ *archive.Planned, batch []segment.Record) error {
			mu.Lock()
			defer mu.Unlock()
			for _, rec := range batch {
				seen[rec.Entry.Hash]++
				inPart++
			}
			return nil
		}
		err := p.Read(t.Context(), b, segment.Exact, keep, take, func(_ *archive.Planned, err error) error { return err }, nil)
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
