package endofday_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"passbook/shared/archive"
	"passbook/shared/archive/archivetest"
	"passbook/shared/endofday"
	"passbook/shared/endofday/endofdaytest"
	"passbook/shared/segment"
)

// refused checks that a day is not sealed, and why.
func refused(t *testing.T, b *endofdaytest.Bank, c endofday.Config, kind error, why string) {
	t.Helper()
	_, err := endofday.Seal(t.Context(), c)
	if !errors.Is(err, kind) || !strings.Contains(err.Error(), why) {
		t.Errorf("%v", err)
	}
	if page, err := b.Bucket.List(t.Context(), endofday.Key("")[:len("days/v1/manifests/")], ""); err != nil || len(page.Objects) > 1 {
		t.Errorf("%v, %v", page, err)
	}
}

func TestDaysAreSealedOneAfterAnother(t *testing.T) {
	b := archived(t, endofdaytest.History(1, 5, 80, 3), 7)
	refused(t, b, b.Config(dates[1], false), endofday.ErrOrder, "say --first")
	b.Seal(t, dates[1], true)
	refused(t, b, b.Config(dates[2], true), endofday.ErrOrder, "cannot be the first")
	refused(t, b, b.Config(dates[0], false), endofday.ErrOrder, "this one is before it")
	refused(t, b, b.Config(dates[3], false), endofday.ErrOrder, "seal 2026-03-03 first")
	for _, changed := range []func(*endofday.Config){func(c *endofday.Config) { c.Zone = "Europe/Berlin" }, func(c *endofday.Config) { c.Cutoff = "01:00" }} {
		for _, date := range dates[1:3] {
			c := b.Config(date, false)
			changed(&c)
			refused(t, b, c, endofday.ErrOrder, "another cutoff or zone")
		}
	}
	c := b.Config(dates[2], false)
	c.Zone, c.Cutoff = "", ""
	if sealed, err := endofday.Seal(t.Context(), c); err != nil || sealed.Zone != "UTC" {
		t.Errorf("%+v, %v", sealed, err)
	}
}

func TestADayIsNotSealedBeforeItIsOver(t *testing.T) {
	b := archived(t, endofdaytest.History(1, 5, 80, 3), 7)
	c := b.Config(dates[0], true)
	over := time.Date(2026, 3, 2, 0, 1, 0, 0, time.UTC)
	c.Now = func() time.Time { return over.Add(-1) }
	refused(t, b, c, endofday.ErrNotYet, "seal it from 2026-03-02T00:01:00Z on")
	c.Now = func() time.Time { return over }
	if _, err := endofday.Seal(t.Context(), c); err != nil {
		t.Error(err)
	}
}

func TestADayIsNotSealedWithoutWhatWasArchived(t *testing.T) {
	records := endofdaytest.History(1, 5, 80, 3)
	empty := endofdaytest.New(t, t.TempDir())
	refused(t, empty, empty.Config(dates[0], true), endofday.ErrNotYet, "no signed log")

	b := archived(t, records[:40], 7)
	behind := errors.New("a writer is behind")
	c := b.Config(dates[0], true)
	c.Archived = func(context.Context, time.Time) ([]archive.Bound, error) { return nil, behind }
	refused(t, b, c, behind, "")
	last := records[40].Sequence
	c.Archived = func(_ context.Context, before time.Time) ([]archive.Bound, error) {
		if !before.Equal(time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)) {
			t.Errorf("before %v", before)
		}
		return []archive.Bound{{Source: segment.Source{Stream: "events", Created: archivetest.Start, Shard: "s1"}, Last: last}}, nil
	}
	refused(t, b, c, endofday.ErrNotYet, "and its signed log to")
	b.Archive(t, "s1", records[40])
	if _, err := endofday.Seal(t.Context(), c); err != nil {
		t.Error(err)
	}
}

// What was lost or changed is not sealed.
func TestADayIsNotSealedOverDamage(t *testing.T) {
	records := endofdaytest.History(1, 5, 80, 3)
	for name, c := range map[string]struct {
		damage func(b *endofdaytest.Bank, all []segment.Sealed)
		why    string
	}{
		"a segment is missing": {func(b *endofdaytest.Bank, all []segment.Sealed) { b.Remove(t, all[1].Key) }, "audit --repair"},
		"a bit is turned": {func(b *endofdaytest.Bank, all []segment.Sealed) {
			data := b.Read(t, all[1].Key)
			data[len(data)/3] ^= 1
			b.Write(t, all[1].Key, data)
		}, "is not what was signed"},
		"a segment is another one": {func(b *endofdaytest.Bank, all []segment.Sealed) { b.Write(t, all[1].Key, all[2].Data) }, "audit --repair"},
		"a leaf is changed": {func(b *endofdaytest.Bank, _ []segment.Sealed) {
			tile := "log/v1/tile/entries/000.p/8"
			b.Write(t, tile, []byte(strings.Replace(string(b.Read(t, tile)), `"entries":10`, `"entries":11`, 1)))
		}, "another than was signed"},
		"hashes of the log are missing": {func(b *endofdaytest.Bank, _ []segment.Sealed) { b.Remove(t, "log/v1/tile/0") }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := endofdaytest.New(t, t.TempDir())
			var all []segment.Sealed
			for some := range slices.Chunk(records, 10) {
				all = append(all, b.Segment(t, "s1", some...))
			}
			b.Log(t)
			c.damage(b, all)
			_, err := endofday.Seal(t.Context(), b.Config(dates[0], true))
			if err == nil || !strings.Contains(err.Error(), c.why) {
				t.Errorf("%v", err)
			}
		})
	}
}

// A segment of which the log knows nothing is missed by the one after it, unless others have what
// it had, and by the accounts.
func TestASegmentThatIsNotInTheLogIsMissed(t *testing.T) {
	records := endofdaytest.History(1, 5, 80, 3)
	b := endofdaytest.New(t, t.TempDir())
	b.Archive(t, "s1", records[:10]...)
	lost := b.Segment(t, "s1", records[10:20]...)
	b.Remove(t, lost.Key)
	b.Archive(t, "s1", records[20:]...)
	c := b.Config(dates[0], true)
	refused(t, b, c, endofday.ErrBroken, "the log has nothing of events-")
	asked := 0
	c.Gaps = func(context.Context) ([]archive.Gap, error) {
		asked++
		return []archive.Gap{{What: "the gap"}}, nil
	}
	refused(t, b, c, endofday.ErrBroken, "the gap")
	c.Gaps = func(context.Context) ([]archive.Gap, error) { return nil, nil }
	refused(t, b, c, endofday.ErrBroken, "is not in the archive's log")
	b.Archive(t, "s2", records[10:20]...)
	if _, err := endofday.Seal(t.Context(), c); err != nil || asked != 1 {
		t.Errorf("%v, asked %d times", err, asked)
	}
}

// Another object where the manifest belongs is not overwritten.
func TestAnotherObjectIsNotTakenForAManifest(t *testing.T) {
	b := archived(t, endofdaytest.History(1, 5, 80, 3), 7)
	b.Write(t, endofday.Key(dates[0]), []byte("another"))
	refused(t, b, b.Config(dates[0], true), endofday.ErrBroken, "keep a copy of it and remove it")
	b.Remove(t, endofday.Key(dates[0]))
	sealed := b.Seal(t, dates[0], true)
	part := "days/v1/parts/" + sealed.Balances[0].Sum + ".ndjson"
	b.Write(t, part, []byte("another"))
	if _, err := endofday.Seal(t.Context(), b.Config(dates[1], false)); err == nil || !strings.Contains(err.Error(), part+": it is not what was signed") {
		t.Error(err)
	}
}
