package segment_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"passbook/shared/archive/archivetest"
	"passbook/shared/event"
	"passbook/shared/event/eventtest"
	"passbook/shared/segment"
)

var source = segment.Source{Stream: "passbook-events", Created: archivetest.Start.Truncate(time.Second), Shard: "shardId-000000000000"}

func seal(t testing.TB, records []segment.Record, previous segment.Link) segment.Sealed {
	t.Helper()
	w := segment.NewWriter(max(records[0].Entry.Format, 1), eventtest.Bank, source, previous)
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
	enc, err := event.Seal(e, eventtest.Keys)
	if err != nil {
		t.Fatal(err)
	}
	return enc.Record
}

func TestRecords_ExactReturnsTheRecords(t *testing.T) {
	records := archivetest.Records(archivetest.Bank(1, 50, 3000))
	previous := segment.Link{Key: "k", Last: "12"}
	sealed := seal(t, records, previous)
	s, err := segment.Parse(sealed.Key, sealed.Data)
	if err != nil {
		t.Fatal(err)
	}
	if s.Footer != sealed.Footer || s.Footer.Previous != previous {
		t.Fatalf("footer %+v, sealed %+v", s.Footer, sealed.Footer)
	}
	i := 0
	for rec, err := range s.Records(segment.Exact) {
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

func TestRecords_FoldOnlyReturnsWhatAFoldNeeds(t *testing.T) {
	records := archivetest.Records(archivetest.Bank(1, 50, 3000))
	sealed := seal(t, records, segment.Link{})
	s, err := segment.Parse(sealed.Key, sealed.Data)
	if err != nil {
		t.Fatal(err)
	}
	i := 0
	for rec, err := range s.Records(segment.FoldOnly) {
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

// The bytes are those of the first release: a segment that an earlier program wrote can always be
// read, and two programs of one version write the same.
func TestSegment_HasTheBytesOfTheFirstRelease(t *testing.T) {
	records := archivetest.Records(archivetest.Bank(42, 5, 60))
	sealed := seal(t, records, segment.Link{Key: "events/v1/before", Last: "999"})
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
	noisy := append([]segment.Record(nil), records...)
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
	if _, err := event.Seal(&twin, eventtest.Keys); err != nil {
		t.Fatal(err)
	}
	noisy = append(noisy, segment.Record{Sequence: "6000", Arrived: archivetest.Start, Entry: &twin})
	noisy = append(noisy, segment.Record{Sequence: "6001", Arrived: archivetest.Start, Entry: records[0].Entry})
	sealed := seal(t, noisy, segment.Link{})
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
	w := segment.NewWriter(1, "", source, segment.Link{})
	if _, err := w.Seal(); err == nil {
		t.Fatal("an empty segment was sealed")
	}
	if err := w.Append(records[1]); err != nil {
		t.Fatal(err)
	}
	for _, rec := range []segment.Record{records[0], records[1], {Sequence: "x", Entry: records[2].Entry}} {
		if err := w.Append(rec); err == nil {
			t.Fatalf("sequence %s was accepted", rec.Sequence)
		}
	}
}

func TestName_KeysSortAsSequencesDo(t *testing.T) {
	last := ""
	for _, first := range []string{"0", "9", "10", "123456789", "49590338271490256608559692538361571095921575989136588898"} {
		name := segment.Name{Format: 1, Source: source, Date: archivetest.Start.Truncate(24 * time.Hour), First: first}
		got, err := segment.ParseKey(name.Key())
		if err != nil || got != name {
			t.Fatalf("%s: %+v, %v; want %+v", name.Key(), got, err, name)
		}
		if name.Key() <= last {
			t.Fatalf("%s sorts before %s", name.Key(), last)
		}
		last = name.Key()
	}
	for _, key := range []string{"", "events/v1/", "events/v3/" + strings.TrimPrefix(last, "events/v1/"), last + "x",
		strings.Replace(last, "date=2026-03-01", "date=2026-3-1", 1), strings.Replace(last, "-1772", "-x1772", 1)} {
		if _, err := segment.ParseKey(key); err == nil {
			t.Fatalf("%q was accepted", key)
		}
	}
}

func TestRecords_OneBadEntryDoesNotEndTheWalk(t *testing.T) {
	records := archivetest.Records(archivetest.Bank(3, 5, 100))
	forged := *records[40].Entry
	forged.Events = append([]event.Event(nil), forged.Events...)
	forged.Events[0].After.Limit++
	records[40].Entry = &forged
	sealed := seal(t, records, segment.Link{})
	s, err := segment.Parse(sealed.Key, sealed.Data)
	if err != nil {
		t.Fatal(err)
	}
	good, bad := 0, 0
	for rec, err := range s.Records(segment.Exact) {
		var entry *segment.EntryError
		switch {
		case err == nil && rec.Entry != nil:
			good++
		case errors.As(err, &entry) && entry.AccountID == forged.AccountID && entry.First == forged.First && errors.Is(err, segment.ErrDamaged):
			bad++
		default:
			t.Fatal(fmt.Errorf("%+v, %w", rec, err))
		}
	}
	if good != len(records)-1 || bad != 1 {
		t.Fatalf("%d good, %d bad", good, bad)
	}
}
