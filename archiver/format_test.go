package archiver_test

import (
	"testing"
	"time"

	"passbook/archiver"
	"passbook/shared/archive"
	"passbook/shared/archive/archivetest"
	"passbook/shared/bucket"
	"passbook/shared/consumer"
	"passbook/shared/event/eventtest"
	"passbook/shared/segment"
)

// opened reads the segments of a bucket in the order of their chain.
func opened(t *testing.T, b bucket.Bucket) (all []*segment.Segment) {
	t.Helper()
	p, err := archive.LoadPlan(t.Context(), b)
	if err != nil || len(p.Gaps) != 0 || p.Strays.Count != 0 {
		t.Fatalf("%v, gaps %v, strays %v", err, p.Gaps, p.Strays)
	}
	for _, planned := range p.Segments {
		s, err := segment.Open(t.Context(), b, planned.Key)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	return all
}

// A segment keeps the format that it began in, and the next one begins where the format changes. A
// signed entry needs format 2, also while the archiver does not know of the switch yet. The chain
// continues across the formats.
func TestArchiver_BeginsASegmentWhereTheFormatChanges(t *testing.T) {
	entries := archivetest.Bank(3, 20, 600)
	signed := archivetest.Signed(entries)
	for name, c := range map[string]struct{ knows, signs, begins int }{
		"at once":                           {300, 300, 300},
		"before the first signed entry":     {250, 300, 250},
		"after the first signed entry":      {350, 300, 300},
		"with entries of before afterwards": {200, 400, 200},
	} {
		t.Run(name, func(t *testing.T) {
			disk, handled := newBucket(t), 0
			mixed := append(entries[:c.signs:c.signs], signed[c.signs:]...)
			records := deliveries(archivetest.Records(mixed))
			a := newArchiver(t, disk, func(config *archiver.Config) {
				config.SegmentRows = 10_000
				config.Bank = eventtest.Bank
				config.Format = func() int {
					if handled >= c.knows {
						return 2
					}
					return 1
				}
			})
			h, err := a.Open(t.Context(), onShard, "")
			if err != nil {
				t.Fatal(err)
			}
			for ; handled < len(records); handled++ {
				b := consumer.Batch{Shard: onShard, Deliveries: records[handled:][:1], Ended: handled == len(records)-1}
				if _, err := h.Handle(t.Context(), b); err != nil {
					t.Fatal(err)
				}
			}
			all := opened(t, disk)
			if len(all) != 2 || all[0].Footer.Format != 1 || all[1].Footer.Format != 2 || all[1].Footer.Bank != eventtest.Bank ||
				all[1].Footer.Previous.Sum != all[0].Footer.Sum || all[1].Footer.FirstHash != records[c.begins].Entry.Hash {
				t.Errorf("%d segments, the last with %+v", len(all), all[len(all)-1].Footer)
			}
			whole(t, disk, len(records))
		})
	}
}

// The date in a segment's key is that on which each of its records arrived.
func TestArchiver_CutsSegmentsAtMidnight(t *testing.T) {
	midnight := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	records := archivetest.Records(archivetest.Bank(3, 20, 90))
	for i := range records {
		records[i].Arrived = midnight.Add(time.Duration(i/30-1)*24*time.Hour - time.Microsecond + time.Duration(i%30/29)*time.Microsecond)
	}
	disk := newBucket(t)
	r := &reader{records: deliveries(records)}
	never := func(c *archiver.Config) { c.Now = func() time.Time { return midnight.AddDate(0, 0, -5) } } // old enough
	if err := r.run(t.Context(), newArchiver(t, disk, never).Open, 37, true); err != nil {
		t.Fatal(err)
	}
	all := opened(t, disk)
	if len(all) != 4 {
		t.Errorf("%d segments", len(all))
	}
	for _, s := range all {
		for rec, err := range s.Records(segment.Exact) {
			if err != nil {
				t.Fatal(err)
			}
			if !rec.Arrived.Truncate(24 * time.Hour).Equal(s.Name.Date) {
				t.Errorf("%s has a record that arrived at %v", s.Key, rec.Arrived)
			}
		}
	}
	whole(t, disk, len(records))
}
