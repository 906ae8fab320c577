package archive_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"passbook/shared/archive"
	"passbook/shared/archive/archivetest"
	"passbook/shared/bucket"
	"passbook/shared/bucket/dirbucket"
	"passbook/shared/segment"
)

var source = segment.Source{Stream: "passbook-events", Created: archivetest.Start.Truncate(time.Second), Shard: "shardId-000000000000"}

func seal(t testing.TB, records []segment.Record, previous segment.Link) segment.Sealed {
	t.Helper()
	w := segment.NewWriter(1, "", source, previous)
	for _, rec := range records {
		if err := w.Append(rec); err != nil {
			t.Fatal(err)
		}
	}
	sealed, err := w.Seal()
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

func TestLast_FindsTheEndAroundMidnight(t *testing.T) {
	b, err := dirbucket.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	find := func(want string) {
		t.Helper()
		key, footer, err := archive.Last(t.Context(), b, source, archivetest.Start.AddDate(0, 0, 9))
		if err != nil || key != want || (key != "" && footer.First == "") {
			t.Fatalf("got %q, %v; want %q", key, err, want)
		}
	}
	find("")
	records := archivetest.Records(archivetest.Bank(1, 2, 9))
	// the last one's first record arrived, by its shard's clock, before the one before it
	days := []int{0, 0, 3, 2}
	for i, day := range days {
		rec := records[2*i]
		rec.Arrived = archivetest.Start.AddDate(0, 0, day)
		sealed := seal(t, []segment.Record{rec}, segment.Link{})
		if err := b.Create(t.Context(), sealed.Key, sealed.Data); err != nil {
			t.Fatal(err)
		}
		find(sealed.Key)
	}
	n := 0
	for object, err := range archive.List(t.Context(), b) {
		if err != nil {
			t.Fatal(err)
		}
		footer, err := segment.ReadFooter(t.Context(), b, object.Key)
		if err != nil || footer.Rows == 0 {
			t.Fatalf("%+v, %v", footer, err)
		}
		n++
	}
	if n != len(days) {
		t.Fatalf("%d segments listed", n)
	}
}

// crowd is a bucket that lists segments of other sources among its own, and counts its listings.
type crowd struct {
	bucket.Bucket
	keys  []string // in order
	mu    sync.Mutex
	lists int
}

func (c *crowd) List(_ context.Context, prefix, after string) (bucket.Page, error) {
	c.mu.Lock()
	c.lists++
	c.mu.Unlock()
	var page bucket.Page
	for _, key := range c.keys {
		switch {
		case !strings.HasPrefix(key, prefix) || key <= after:
		case len(page.Objects) == bucket.MaxListPage:
			page.After = page.Objects[bucket.MaxListPage-1].Key
			return page, nil
		default:
			page.Objects = append(page.Objects, bucket.Info{Key: key, Size: 1})
		}
	}
	return page, nil
}

// The end of a chain is found under any day, and among any number of other objects, in a few
// listings for each day.
func TestLastOfAllDays_SkipsOtherShards(t *testing.T) {
	const days, others = 5, 20_000
	disk, err := dirbucket.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	b := &crowd{Bucket: disk}
	for day := range days {
		for i := range others {
			other := source
			other.Shard = fmt.Sprintf("shardId-%012d", i%20*7+1)
			if i%2 == 0 { // half lies before it
				other.Stream = "another"
			}
			name := segment.Name{Format: 1, Source: other, Date: archivetest.Start.AddDate(0, 0, 40*day).Truncate(24 * time.Hour), First: fmt.Sprint(i)}
			b.keys = append(b.keys, name.Key())
		}
	}
	find := func(want string) {
		t.Helper()
		slices.Sort(b.keys)
		b.lists = 0
		key, footer, err := archive.LastOfAllDays(t.Context(), b, source)
		if err != nil || key != want || (key != "" && footer.First == "") {
			t.Fatalf("got %q, %v; want %q", key, err, want)
		}
		if most := 3 * (days + 4); b.lists > most {
			t.Fatalf("%d listings, want %d at most", b.lists, most)
		}
	}
	find("")
	// Days of before its creation and after now, alone and shared with others, in no order.
	for i, day := range []int{300, 80, -5, 81} {
		rec := archivetest.Records(archivetest.Bank(1, 2, 9))[2*i]
		rec.Arrived = archivetest.Start.AddDate(0, 0, day)
		sealed := seal(t, []segment.Record{rec}, segment.Link{})
		if err := disk.Create(t.Context(), sealed.Key, sealed.Data); err != nil {
			t.Fatal(err)
		}
		b.keys = append(b.keys, sealed.Key)
		find(sealed.Key)
	}
}
