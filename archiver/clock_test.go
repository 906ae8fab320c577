package archiver_test

import (
	"context"
	"testing"
	"time"

	"passbook/archiver"
	"passbook/shared/archive"
	"passbook/shared/archive/archivetest"
	"passbook/shared/bucket"
	"passbook/shared/consumer"
	"passbook/shared/segment"
)

// whole checks that the archive has that many entries in unbroken chains, under any days.
func whole(t *testing.T, b bucket.Bucket, entries int) {
	t.Helper()
	plan, err := archive.LoadPlan(t.Context(), b)
	if err != nil || len(plan.Gaps) != 0 || archived(t, b) != entries {
		t.Fatalf("%v %v, %d of %d entries", plan.Gaps, err, archived(t, b), entries)
	}
}

// A stream that was created while the clock was ahead has all its segments before its creation.
// They are found at every start.
func TestArchiver_FindsTheChainOfAStreamFromTheFuture(t *testing.T) {
	disk := newBucket(t)
	records := deliveries(archivetest.Records(archivetest.Bank(3, 20, 600)))
	r := &reader{}
	for _, n := range []int{200, 400, 600} {
		r.records = records[:n]
		open := func(ctx context.Context, on consumer.Shard, checkpoint string) (consumer.Handler, error) {
			on.Created = on.Created.AddDate(1, 0, 0)
			return newArchiver(t, disk, nil).Open(ctx, on, checkpoint)
		}
		if err := r.run(t.Context(), open, 37, true); err != nil {
			t.Fatalf("up to %d: %v", n, err)
		}
	}
	whole(t, disk, len(records))
}

// A segment that was uploaded under a wrong day, and never checkpointed since its archiver was
// killed, is found again as one of another archiver. If it is shorter than the current one, the
// shard begins again after it, and not at the same place forever.
func TestArchiver_ContinuesAfterAnAdoptedSegmentOfAWrongDay(t *testing.T) {
	disk := newBucket(t)
	right := archivetest.Start.AddDate(0, 0, 10)
	all := archivetest.Records(archivetest.Bank(3, 20, 600))
	for i := range all {
		all[i].Arrived = right
		if i >= 200 && i < 250 { // while the clock was behind
			all[i].Arrived = right.AddDate(0, 0, -5)
		}
	}
	records := deliveries(all)
	first := put(t, disk, records[:200], segment.Link{})
	put(t, disk, records[200:230], segment.Link{Key: first.Key, Last: first.Footer.Last})
	a := newArchiver(t, disk, func(c *archiver.Config) { c.Now = func() time.Time { return right } })
	r := &reader{records: records, checkpoint: first.Footer.Last}
	if err := r.run(t.Context(), a.Open, 100, true); err == nil {
		t.Fatal("the shorter segment was passed over")
	}
	if err := r.run(t.Context(), a.Open, 100, true); err != nil {
		t.Fatalf("begun again: %v", err)
	}
	whole(t, disk, len(records))
}
