package archive_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"passbook/shared/archive"
	"passbook/shared/archive/archivetest"
	"passbook/shared/bucket"
	"passbook/shared/bucket/dirbucket"
	"passbook/shared/segment"
)

// counted counts the calls to a bucket.
type counted struct {
	bucket.Bucket
	lists, opens int
}

func (c *counted) List(ctx context.Context, prefix, after string) (bucket.Page, error) {
	c.lists++
	return c.Bucket.List(ctx, prefix, after)
}

func (c *counted) Open(ctx context.Context, key string) (bucket.Object, error) {
	c.opens++
	return c.Bucket.Open(ctx, key)
}

// The newest marker is the one with the greatest sequence number. It is found by one listing, in
// any order of writing and with any clock.
func TestEndMarkersAfter_TakesOneListingAFormat(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "")
		if err != nil {
			rt.Fatal(err)
		}
		disk, err := dirbucket.New(dir)
		if err != nil {
			rt.Fatal(err)
		}
		var want archive.EndMarker
		greatest := -1
		for _, n := range rapid.SliceOfNDistinct(rapid.IntRange(1, 1<<40), 1, 6, rapid.ID).Draw(rt, "sequences") {
			m := archive.EndMarker{
				Name: segment.Name{Format: 1, Source: source, Date: archivetest.Start.AddDate(0, 0, n%9).Truncate(24 * time.Hour), First: fmt.Sprint(n / 2)},
				Last: fmt.Sprint(n), At: int64(n % 77), Ended: n%3 == 0,
			}
			m.Sum[n%32] = byte(n)
			if err := m.Write(t.Context(), disk); err != nil {
				rt.Fatal(err)
			}
			if err := m.Write(t.Context(), disk); err != nil {
				rt.Fatalf("the same again: %v", err)
			}
			if n > greatest {
				greatest, want = n, m
			}
		}
		b := &counted{Bucket: disk}
		got, err := archive.EndMarkersAfter(t.Context(), b, source, fmt.Sprint(greatest-1))
		if err != nil || len(got) != 1 || got[0] != want || b.lists > 2 || b.opens != 0 {
			rt.Fatalf("got %+v, want %+v: %v, %d lists, %d opens", got, want, err, b.lists, b.opens)
		}
		if got, err = archive.EndMarkersAfter(t.Context(), b, source, want.Last); err != nil || len(got) != 0 {
			rt.Fatalf("beyond the newest: %+v, %v", got, err)
		}
	})
}

// mark writes the end markers of segments.
func mark(t *testing.T, b bucket.Bucket, keys ...string) {
	t.Helper()
	for _, key := range keys {
		s, err := segment.Open(t.Context(), b, key)
		if err == nil {
			err = archive.NewEndMarker(s.Name, s.Footer, false).Write(t.Context(), b)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// A segment that was archived and is missing or was replaced is a gap, also where only a marker
// names it.
func TestPlan_MarkersBoundTheEnd(t *testing.T) {
	records := archivetest.Records(archivetest.Bank(3, 10, 500))
	for name, c := range map[string]struct {
		damage func(t *testing.T, dir string, keys []string)
		key    int    // of the segment that the gap names
		after  int    // the one before it; -1 is none
		says   string // nothing is no gap
	}{
		"nothing":   {damage: func(*testing.T, string, []string) {}},
		"newest":    {func(t *testing.T, dir string, keys []string) { remove(t, dir, keys[4]) }, 4, 3, "is missing: its end marker"},
		"last two":  {func(t *testing.T, dir string, keys []string) { remove(t, dir, keys[3], keys[4]) }, 4, 2, "is missing: its end marker"},
		"all":       {func(t *testing.T, dir string, keys []string) { remove(t, dir, keys...) }, 4, -1, "is missing: its end marker"},
		"replaced":  {func(t *testing.T, dir string, keys []string) { replace(t, dir, keys, records, 4) }, 4, 3, "is not the segment that was archived"},
		"in middle": {func(t *testing.T, dir string, keys []string) { replace(t, dir, keys, records, 2) }, 2, 1, "is not the segment that was archived"},
	} {
		t.Run(name, func(t *testing.T) {
			b, dir, keys := chain(t, records, 100)
			mark(t, b, keys...)
			c.damage(t, dir, keys)
			p, err := archive.LoadPlan(t.Context(), b)
			if err != nil {
				t.Fatal(err)
			}
			x := p.Extent()
			if x.Unproven != 0 || len(x.Ends) != 1 {
				t.Errorf("extent %+v", x)
			}
			if c.says == "" {
				if len(p.Gaps) != 0 || !x.CompleteUpTo.Equal(records[499].Arrived) || !strings.HasPrefix(x.String(), "complete up to 2026-03-01T08:00:00.622456Z") {
					t.Errorf("gaps %v, %s", p.Gaps, x)
				}
				return
			}
			after, upTo := segment.Link{}, time.Time{}
			if c.after >= 0 {
				last := records[100*c.after+99]
				after, upTo = segment.Link{Key: keys[c.after], Last: last.Sequence}, last.Arrived
			}
			if len(p.Gaps) != 1 {
				t.Fatalf("gaps %v", p.Gaps)
			}
			if g := p.Gaps[0]; g.Key != keys[c.key] || g.After.Key != after.Key || g.After.Last != after.Last || g.Last != records[100*c.key+99].Sequence || !strings.Contains(g.What, c.says) {
				t.Errorf("gap %+v", g)
			}
			if !x.CompleteUpTo.Equal(upTo) {
				t.Errorf("complete up to %v, want %v", x.CompleteUpTo, upTo)
			}
		})
	}
}

// The end of an archive without markers is not proven. A checkpoint beyond it shows a gap.
func TestPlan_WithoutMarkersTheEndIsNotProven(t *testing.T) {
	records := archivetest.Records(archivetest.Bank(3, 10, 500))
	b, _, keys := chain(t, records, 100)
	p, err := archive.LoadPlan(t.Context(), b)
	if err != nil || len(p.Gaps) != 0 || p.Extent().Unproven != 1 || !strings.HasPrefix(p.Extent().String(), "the end of the archive is not proven") {
		t.Fatalf("%v, %s, %v", p.Gaps, p.Extent(), err)
	}
	name, err := segment.ParseKey(keys[0])
	if err != nil {
		t.Fatal(err)
	}
	bound := func(last string) archive.Evidence {
		return archive.Evidence{Bounds: []archive.Bound{{Source: name.Source, Last: last, By: "a test"}}}
	}
	if same := p.With(bound(records[499].Sequence)); len(same.Gaps) != 0 {
		t.Errorf("%v", same.Gaps)
	}
	short := p.With(bound("999999"))
	if len(short.Gaps) != 1 || short.Gaps[0].After.Last != records[499].Sequence || len(p.Gaps) != 0 {
		t.Fatalf("%v", short.Gaps)
	}
	if _, doubted := short.GapAfter(archive.Position{Source: name.Source, Arrived: records[499].Arrived}); !doubted {
		t.Error("nothing is in doubt")
	}
}

// A stream without end markers beside one that has them is another bank's, and is not read.
func TestPlan_LeavesOutForeignStreams(t *testing.T) {
	records := archivetest.Records(archivetest.Bank(3, 10, 500))
	for name, c := range map[string]struct {
		created time.Duration // of the strange stream, against the bank's own
		since   time.Duration
		foreign bool
	}{
		"beside it":                         {-time.Second, 0, true},
		"before it, and the archive's":      {-2 * time.Hour, 0, true},
		"before it, in a claimed archive":   {-2 * time.Hour, time.Hour, false},
		"beside it, in a claimed archive":   {-time.Second, time.Hour, true},
		"after it, so it had to be marked":  {time.Hour, 0, true},
		"after, in an archive of yesterday": {time.Hour, -24 * time.Hour, true},
	} {
		t.Run(name, func(t *testing.T) {
			b, _, keys := chain(t, records, 100)
			mark(t, b, keys...)
			w := segment.NewWriter(1, "", segment.Source{Stream: source.Stream, Created: source.Created.Add(c.created), Shard: source.Shard}, segment.Link{})
			rec := records[7]
			rec.Arrived = rec.Arrived.Add(max(c.created, -time.Hour)).Add(10 * time.Millisecond)
			if c.created > -time.Hour && c.created < 0 {
				rec.Arrived = records[8].Arrived
			}
			err := w.Append(rec)
			if err != nil {
				t.Fatal(err)
			}
			sealed, err := w.Seal()
			if err == nil {
				err = b.Create(t.Context(), sealed.Key, sealed.Data)
			}
			if err != nil {
				t.Fatal(err)
			}
			p, err := archive.LoadPlan(t.Context(), b)
			if err != nil || len(p.Gaps) != 0 {
				t.Fatal(p.Gaps, err)
			}
			p = p.With(archive.Evidence{Since: archivetest.Start.Add(c.since)})
			if got := len(p.Gaps) == 1; got != c.foreign || (len(p.Segments) == 5) != c.foreign {
				t.Errorf("gaps %v, %d segments", p.Gaps, len(p.Segments))
			}
		})
	}
}

func remove(t *testing.T, dir string, keys ...string) {
	t.Helper()
	for _, key := range keys {
		if err := os.Remove(filepath.Join(dir, key)); err != nil {
			t.Fatal(err)
		}
	}
}

// replace seals a segment again without its last entry, with all checksums correct.
func replace(t *testing.T, dir string, keys []string, records []segment.Record, i int) {
	t.Helper()
	w := segment.NewWriter(1, "", source, segment.Link{Key: keys[i-1], Last: records[100*i-1].Sequence})
	for _, rec := range records[100*i : 100*i+99] {
		if err := w.Append(rec); err != nil {
			t.Fatal(err)
		}
	}
	w.Skip(records[100*i+99].Sequence)
	sealed, err := w.Seal()
	if err == nil && sealed.Key != keys[i] {
		err = fmt.Errorf("sealed %s", sealed.Key)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, keys[i]), sealed.Data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}
