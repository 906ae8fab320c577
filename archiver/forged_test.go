package archiver_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"passbook/archiver"
	"passbook/shared/archive"
	"passbook/shared/archive/archivetest"
	"passbook/shared/bucket/dirbucket"
	"passbook/shared/consumer"
	"passbook/shared/event/eventtest"
	"passbook/shared/segment"
)

// beyond is a sequence number that no stream comes to.
const beyond = "99999999999999999999999999999999999999999999999999999999"

// An object that claims to be the shard's last segment, and to have more than the stream, must not
// make the records that follow pass for archived. The shard is suspended with the object's name,
// its checkpoint stays, and everything is archived when the object is removed.
func TestArchiver_RefusesASegmentBeyondTheTip(t *testing.T) {
	all := archivetest.Records(archivetest.Signed(archivetest.Bank(3, 20, 200)))
	records := deliveries(all)
	dir := t.TempDir()
	disk, err := dirbucket.New(dir)
	if err != nil {
		t.Fatal(err)
	}
	w := segment.NewWriter(2, eventtest.Bank, segment.Source{Stream: onShard.Stream, Created: onShard.Created, Shard: onShard.ID}, segment.Link{})
	copied := all[0] // anybody may copy an entry with its mac
	copied.Sequence = strings.Repeat("8", 56)
	if err := w.Append(copied); err != nil {
		t.Fatal(err)
	}
	w.Skip(beyond)
	forged, err := w.Seal()
	if err != nil {
		t.Fatal(err)
	}
	if err := disk.Create(t.Context(), forged.Key, forged.Data); err != nil {
		t.Fatal(err)
	}
	signed := func(c *archiver.Config) { c.Bank, c.Format = eventtest.Bank, func() int { return 2 } }
	h, err := newArchiver(t, disk, signed).Open(t.Context(), onShard, "")
	if err != nil {
		t.Fatal(err)
	}
	var refused error
	for i := range records {
		checkpoint, err := h.Handle(t.Context(), consumer.Batch{Shard: onShard, Deliveries: records[i:][:1]})
		if checkpoint != "" {
			t.Fatalf("record %d: checkpointed at %s", i, checkpoint)
		}
		if refused = err; err != nil {
			break
		}
	}
	if !errors.Is(refused, archiver.ErrDiverged) || !strings.Contains(refused.Error(), forged.Key) {
		t.Fatalf("refused with %v", refused)
	}
	if err := os.Remove(filepath.Join(dir, forged.Key)); err != nil {
		t.Fatal(err)
	}
	r := &reader{records: records}
	if err := r.run(t.Context(), newArchiver(t, disk, signed).Open, 37, true); err != nil {
		t.Fatal(err)
	}
	whole(t, disk, len(records))
}

// An end marker beyond the tip neither keeps the segment of format 1 open when signed entries come,
// nor over midnight.
func TestArchiver_ForgetsMarkersBeyondTheTip(t *testing.T) {
	entries := archivetest.Bank(3, 20, 120)
	all := archivetest.Records(append(entries[:60:60], archivetest.Signed(entries)[60:]...))
	midnight := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	for i := range all {
		all[i].Arrived = midnight.Add(time.Duration(i-90) * time.Microsecond)
	}
	records := deliveries(all)
	disk := newBucket(t)
	for format := range 2 {
		m := archive.EndMarker{Last: beyond}
		m.Name = segment.Name{
			Source: segment.Source{Stream: onShard.Stream, Created: onShard.Created, Shard: onShard.ID}, Format: 1 + format,
			Date: midnight.AddDate(0, 0, -1), First: records[0].Sequence,
		}
		if err := m.Write(t.Context(), disk); err != nil {
			t.Fatal(err)
		}
	}
	format := 1
	a := newArchiver(t, disk, func(c *archiver.Config) {
		c.SegmentRows, c.Bank, c.Format = 10_000, eventtest.Bank, func() int { return format }
		c.Now = func() time.Time { return midnight.AddDate(0, 0, -5) } // no segment is old enough
	})
	h, err := a.Open(t.Context(), onShard, "")
	if err != nil {
		t.Fatal(err)
	}
	for i := range records {
		if i == 60 {
			format = 2
		}
		if _, err := h.Handle(t.Context(), consumer.Batch{
			Shard: onShard, Deliveries: records[i:][:1], Behind: time.Duration(len(records)-1-i) * time.Second, Ended: i == len(records)-1,
		}); err != nil {
			t.Fatalf("record %d: %v", i, err)
		}
	}
	formats, archived := []int{}, int64(0)
	p, err := archive.LoadPlan(t.Context(), disk) // it names the false marker too
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range p.Segments {
		formats = append(formats, s.Footer.Format)
		archived += s.Footer.Entries
	}
	if len(formats) != 3 || formats[0] != 1 || formats[1] != 2 || formats[2] != 2 {
		t.Errorf("segments of formats %v, want one before the switch and one on each day after it", formats)
	}
	if archived != int64(len(records)) {
		t.Errorf("%d of %d entries are archived", archived, len(records))
	}
}
