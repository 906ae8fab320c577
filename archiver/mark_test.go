package archiver_test

import (
	"strings"
	"testing"
	"time"

	"passbook/archiver"
	"passbook/shared/archive"
	"passbook/shared/archive/archivetest"
	"passbook/shared/bucket"
	"passbook/shared/consumer"
	"passbook/shared/segment"
)

// markers returns the keys of a bucket's end markers.
func markers(t *testing.T, b bucket.Bucket) (keys []string) {
	t.Helper()
	page, err := b.List(t.Context(), "ends/v1/", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range page.Objects {
		keys = append(keys, o.Key)
	}
	return keys
}

// An end marker is written when the end has moved and the last marker is a minute old, at a flush
// and at the shard's end, and when the shard is handed over: never later than that, and never more
// often.
func TestArchiver_MarksTheEnd(t *testing.T) {
	b := newBucket(t)
	now := archivetest.Start
	a := newArchiver(t, b, func(c *archiver.Config) { c.SegmentRows, c.Now = 20, func() time.Time { return now } })
	records := deliveries(archivetest.Records(archivetest.Bank(3, 5, 400)))
	h, err := a.Open(t.Context(), onShard, "")
	if err != nil {
		t.Fatal(err)
	}
	handle := func(n int, ended bool) {
		t.Helper()
		if _, err := h.Handle(t.Context(), consumer.Batch{Shard: onShard, Deliveries: records[:n], Behind: time.Hour, Ended: ended}); err != nil {
			t.Fatal(err)
		}
		records = records[n:]
	}
	source := segment.Source{Stream: onShard.Stream, Created: onShard.Created, Shard: onShard.ID}
	expect := func(step string, want int, atEnd bool) {
		t.Helper()
		key, footer, err := archive.Last(t.Context(), b, source, now)
		if err != nil {
			t.Fatal(err)
		}
		all, err := archive.EndMarkersAfter(t.Context(), b, source, "0")
		newest, ok := archive.EndMarker{}, len(all) > 0
		if ok {
			newest = all[0]
		}
		got := markers(t, b)
		if err != nil || len(got) != want || atEnd != (ok && newest.Name.Key() == key && newest.Last == footer.Last && newest.Sum == footer.Sum) {
			t.Fatalf("%s: %d markers, want %d; the newest is %+v, the end %s: %v", step, len(got), want, newest, key, err)
		}
	}
	handle(0, false)
	expect("nothing is sealed", 0, false)
	handle(50, false)
	expect("the first segments", 1, true)
	handle(50, false)
	expect("more within the minute", 1, false)
	now = now.Add(59 * time.Second)
	handle(0, false)
	expect("just before the minute is over", 1, false)
	now = now.Add(time.Second)
	handle(0, false)
	expect("a minute later", 2, true)
	now = now.Add(time.Hour)
	handle(0, false)
	expect("the end has not moved", 2, true)
	handle(50, false)
	expect("it moves after an hour", 3, true)
	handle(50, false)
	expect("again at once", 3, false)
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	expect("given away", 4, true)
	_, footer, err := archive.Last(t.Context(), b, source, now)
	if err != nil {
		t.Fatal(err)
	}
	if h, err = a.Open(t.Context(), onShard, footer.Last); err != nil {
		t.Fatal(err)
	}
	handle(0, false)
	expect("taken over: the same marker", 4, true)
	handle(30, true)
	expect("the shard has ended", 5, true)
	if last := markers(t, b)[0]; !strings.HasSuffix(last, "-ended.json") {
		t.Errorf("the newest marker is %s", last)
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	expect("given away at its end", 5, true)
}
