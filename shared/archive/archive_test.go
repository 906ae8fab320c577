package archive_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"passbook/shared/archive"
	"passbook/shared/archive/archivetest"
	"passbook/shared/bucket/dirbucket"
	"passbook/shared/event"
)

var source = archive.Source{Stream: "passbook-events", Created: archivetest.Start.Truncate(time.Second), Shard: "shardId-000000000000"}

func seal(t testing.TB, records []archive.Record, previous archive.Link) archive.Sealed {
	t.Helper()
	w := archive.NewWriter(source, previous)
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

func record(t testing.TB, e *event.Entry) []byte {
	t.Helper()
	enc, err := event.Seal(e)
	if err != nil {
		t.Fatal(err)
	}
	return enc.Record
}

func TestSegment_ExactGivesTheRecordsBack(t *testing.T) {
	records := archivetest.Records(archivetest.Bank(1, 50, 3000))
	previous := archive.Link{Key: "k", Last: "12"}
	sealed := seal(t, records, previous)
	segment, err := archive.Parse(sealed.Key, sealed.Data)
	if err != nil {
		t.Fatal(err)
	}
	if segment.Footer != sealed.Footer || segment.Footer.Previous != previous {
		t.Fatalf("footer %+v, sealed %+v", segment.Footer, sealed.Footer)
	}
	i := 0
	for rec, err := range segment.Records(archive.Exact) {
		if err != nil {
			t.Fatal(err)
		}
		want := records[i]
		if rec.Sequence != want.Sequence || !rec.Arrived.Equal(want.Arrived) {
			t.Fatalf("record %d: %s at %v, want %s at %v", i, rec.Sequence, rec.Arrived, want.Sequence, want.Arrived)
		}
		if !bytes.Equal(record(t, rec.Entry), record(t, want.Entry)) {
			t.Fatalf("record %d: other bytes", i)
		}
		i++
	}
	if i != len(records) {
		t.Fatalf("%d records, want %d", i, len(records))
	}
}

func TestSegment_FoldsGivesWhatAFoldNeeds(t *testing.T) {
	records := archivetest.Records(archivetest.Bank(1, 50, 3000))
	sealed := seal(t, records, archive.Link{})
	segment, err := archive.Parse(sealed.Key, sealed.Data)
	if err != nil {
		t.Fatal(err)
	}
	i := 0
	for rec, err := range segment.Records(archive.Folds) {
		if err != nil {
			t.Fatal(err)
		}
		got, want := *rec.Entry, *records[i].Entry
		want.Commands = nil
		want.Events = append([]event.Event(nil), want.Events...)
		for j := range want.Events {
			want.Events[j].Command, want.Events[j].Data = 0, nil
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("record %d\n got %+v\nwant %+v", i, got, want)
		}
		i++
	}
	if i != len(records) {
		t.Fatalf("%d records, want %d", i, len(records))
	}
}

// The bytes are held to those of the first release: a segment that an earlier program wrote is read
// for ever, and two programs of one version write the same.
func TestSegment_Golden(t *testing.T) {
	records := archivetest.Records(archivetest.Bank(42, 5, 60))
	sealed := seal(t, records, archive.Link{Key: "events/v1/before", Last: "999"})
	golden := filepath.Join("testdata", "v1.parquet")
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(golden, sealed.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	n, err := walk(sealed.Key, data)
	if err != nil || n != len(records) {
		t.Fatalf("golden segment: %d entries, %v", n, err)
	}
	if !bytes.Equal(data, sealed.Data) {
		t.Fatal("the same records give other bytes than the golden segment")
	}
}

func TestWriter_DropsExactRepeatsOnly(t *testing.T) {
	records := archivetest.Records(archivetest.Bank(1, 2, 6))
	noisy := append([]archive.Record(nil), records...)
	for i, rec := range records {
		rec.Sequence = fmt.Sprintf("%d", 5000+i)
		noisy = append(noisy, rec)
	}
	twin := *records[3].Entry
	twin.RecordedAt = twin.RecordedAt.Add(time.Second)
	twin.Events = append([]event.Event(nil), twin.Events...)
	for i := range twin.Events {
		twin.Events[i].RecordedAt = twin.RecordedAt
	}
	if _, err := event.Seal(&twin); err != nil {
		t.Fatal(err)
	}
	noisy = append(noisy, archive.Record{Sequence: "6000", Arrived: archivetest.Start, Entry: &twin})
	noisy = append(noisy, archive.Record{Sequence: "6001", Arrived: archivetest.Start, Entry: records[0].Entry})
	sealed := seal(t, noisy, archive.Link{})
	n, err := walk(sealed.Key, sealed.Data)
	if err != nil || n != len(records)+1 {
		t.Fatalf("%d entries, %v; want %d", n, err, len(records)+1)
	}
	if sealed.Footer.Last != "6001" {
		t.Fatalf("ends at %s, want the repeat's sequence", sealed.Footer.Last)
	}
}

func TestWriter_RefusesFallingSequences(t *testing.T) {
	records := archivetest.Records(archivetest.Bank(1, 2, 3))
	w := archive.NewWriter(source, archive.Link{})
	if _, err := w.Seal(); err == nil {
		t.Fatal("an empty segment was sealed")
	}
	if err := w.Append(records[1]); err != nil {
		t.Fatal(err)
	}
	for _, rec := range []archive.Record{records[0], records[1], {Sequence: "x", Entry: records[2].Entry}} {
		if err := w.Append(rec); err == nil {
			t.Fatalf("sequence %s was accepted", rec.Sequence)
		}
	}
}

func TestName_KeysSortAsSequencesDo(t *testing.T) {
	last := ""
	for _, first := range []string{"0", "9", "10", "123456789", "49590338271490256608559692538361571095921575989136588898"} {
		name := archive.Name{Source: source, Date: archivetest.Start.Truncate(24 * time.Hour), First: first}
		got, err := archive.ParseKey(name.Key())
		if err != nil || got != name {
			t.Fatalf("%s: %+v, %v; want %+v", name.Key(), got, err, name)
		}
		if name.Key() <= last {
			t.Fatalf("%s sorts before %s", name.Key(), last)
		}
		last = name.Key()
	}
	for _, key := range []string{"", "events/v1/", "events/v2/" + strings.TrimPrefix(last, archive.Root), last + "x",
		strings.Replace(last, "date=2026-03-01", "date=2026-3-1", 1), strings.Replace(last, "-1772", "-x1772", 1)} {
		if _, err := archive.ParseKey(key); err == nil {
			t.Fatalf("%q was accepted", key)
		}
	}
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
		sealed := seal(t, []archive.Record{rec}, archive.Link{})
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
		footer, err := archive.ReadFooter(t.Context(), b, object)
		if err != nil || footer.Rows == 0 {
			t.Fatalf("%+v, %v", footer, err)
		}
		n++
	}
	if n != len(days) {
		t.Fatalf("%d segments listed", n)
	}
}
