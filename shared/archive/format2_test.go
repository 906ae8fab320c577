package archive_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"passbook/shared/archive"
	"passbook/shared/archive/archivetest"
	"passbook/shared/bucket"
	"passbook/shared/bucket/dirbucket"
	"passbook/shared/event/eventtest"
	"passbook/shared/segment"
)

// sealAs returns a segment of a format and bank.
func sealAs(t *testing.T, format int, bank string, records []segment.Record, previous segment.Link) segment.Sealed {
	t.Helper()
	w := segment.NewWriter(format, bank, source, previous)
	for _, r := range records {
		if err := w.Append(r); err != nil {
			t.Fatal(err)
		}
	}
	sealed, err := w.Seal()
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

func linkOf(s segment.Sealed) segment.Link {
	return segment.Link{Key: s.Key, Last: s.Footer.Last, Sum: s.Footer.Sum}
}

// store puts segments into a new bucket in a directory.
func store(t *testing.T, segments ...segment.Sealed) (bucket.Bucket, string) {
	t.Helper()
	dir := t.TempDir()
	b, err := dirbucket.New(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range segments {
		if err := b.Create(t.Context(), s.Key, s.Data); err != nil {
			t.Fatal(err)
		}
	}
	return b, dir
}

func load(t *testing.T, b bucket.Bucket) archive.Plan {
	t.Helper()
	p, err := archive.LoadPlan(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// A replaced segment whose own sums fit is named by the one that follows it, without end markers.
func TestPlan_TheNextSegmentNamesTheOneBefore(t *testing.T) {
	records := archivetest.Records(archivetest.Signed(archivetest.Bank(3, 10, 300)))
	first := sealAs(t, 2, eventtest.Bank, records[:100], segment.Link{})
	second := sealAs(t, 2, eventtest.Bank, records[100:200], linkOf(first))
	third := sealAs(t, 2, eventtest.Bank, records[200:], linkOf(second))
	b, dir := store(t, first, second, third)
	if p := load(t, b); len(p.Gaps) != 0 || len(p.Segments) != 3 {
		t.Fatalf("gaps %v", p.Gaps)
	}
	less := append(records[100:120:120], records[121:200]...)
	forged := sealAs(t, 2, eventtest.Bank, less, linkOf(first))
	if err := os.WriteFile(filepath.Join(dir, second.Key), forged.Data, 0o644); err != nil {
		t.Fatal(err)
	}
	p := load(t, b)
	if len(p.Gaps) != 1 || p.Gaps[0].Key != second.Key || !strings.Contains(p.Gaps[0].What, third.Key+", which follows it, names another checksum") {
		t.Errorf("gaps %v", p.Gaps)
	}
	if trusted := p.Trusted(); len(trusted.Segments) != 2 {
		t.Errorf("%d segments are trusted", len(trusted.Segments))
	}
}

// A segment of another bank is not read where the bank is known, and is named.
func TestPlan_LeavesOutTheSegmentsOfAnotherBank(t *testing.T) {
	records := archivetest.Records(archivetest.Signed(archivetest.Bank(3, 10, 200)))
	first := sealAs(t, 2, eventtest.Bank, records[:100], segment.Link{})
	second := sealAs(t, 2, "another-bank", records[100:], linkOf(first))
	b, _ := store(t, first, second)
	if p := load(t, b).With(archive.Evidence{}); len(p.Gaps) != 0 || len(p.Segments) != 2 {
		t.Fatalf("of no bank: gaps %v", p.Gaps)
	}
	p := load(t, b).With(archive.Evidence{Bank: eventtest.Bank})
	if len(p.Segments) != 1 || p.Entries != 100 || len(p.Gaps) != 1 || p.Gaps[0].Key != second.Key || !strings.Contains(p.Gaps[0].What, "it is of bank another-bank") {
		t.Errorf("%d segments, gaps %v", len(p.Segments), p.Gaps)
	}
	if !p.Extent().CompleteUpTo.Equal(records[99].Arrived) {
		t.Errorf("complete up to %v", p.Extent().CompleteUpTo)
	}
}

// A chain continues in the next format. Of two segments that begin with the same record, in two
// formats, the one that the chain continues is read.
func TestPlan_ChainsContinueAcrossFormats(t *testing.T) {
	records := archivetest.Records(archivetest.Bank(3, 10, 300))
	first := sealAs(t, 1, "", records[:100], segment.Link{})
	second := sealAs(t, 2, eventtest.Bank, records[100:200], linkOf(first))
	third := sealAs(t, 2, eventtest.Bank, records[200:], linkOf(second))
	late := sealAs(t, 1, "", records[100:250], linkOf(first))
	for name, segments := range map[string][]segment.Sealed{
		"whole": {first, second, third}, "with a segment of an archiver that did not know": {first, second, late, third},
	} {
		b, _ := store(t, segments...)
		p := load(t, b)
		if len(p.Gaps) != 0 || p.Entries != 300 || p.Strays.Count != int64(len(segments)-3) || p.Segments[1].Key != second.Key {
			t.Errorf("%s: %d entries, gaps %v, strays %v", name, p.Entries, p.Gaps, p.Strays)
		}
		key, _, err := archive.Last(t.Context(), b, source, archivetest.Start)
		if err != nil || key != third.Key {
			t.Errorf("%s: ends at %s, %v", name, key, err)
		}
	}
	b, _ := store(t, first, second, late)
	if p := load(t, b); len(p.Gaps) != 0 || p.Entries != 250 || p.Strays.Count != 1 {
		t.Errorf("at the end: %d entries, gaps %v, strays %v", p.Entries, p.Gaps, p.Strays)
	}
}

func TestPlan_RefusesAnArchiveOfANewerFormat(t *testing.T) {
	first := sealAs(t, 2, eventtest.Bank, archivetest.Records(archivetest.Signed(archivetest.Bank(3, 10, 20))), segment.Link{})
	b, _ := store(t, first, segment.Sealed{Key: strings.Replace(first.Key, "/v2/", "/v3/", 1), Data: first.Data})
	_, err := archive.LoadPlan(t.Context(), b)
	if !errors.Is(err, segment.ErrNewer) || !strings.Contains(err.Error(), "events/v3/") {
		t.Errorf("got %v", err)
	}
}
