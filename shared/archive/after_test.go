package archive_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"

	"passbook/shared/archive"
	"passbook/shared/archive/archivetest"
	"passbook/shared/bucket"
	"passbook/shared/segment"
)

// opens counts the objects that are opened.
type opens struct {
	bucket.Bucket
	n *atomic.Int64
}

func (b opens) Open(ctx context.Context, key string) (bucket.Object, error) {
	b.n.Add(1)
	return b.Bucket.Open(ctx, key)
}

// What a reader that comes again is given is the rest of the whole plan, for what the rest costs.
func TestPlanAfter_IsTheRestOfThePlan(t *testing.T) {
	b, dir, keys := chain(t, archivetest.Records(archivetest.Bank(3, 10, 500)), 50)
	mark(t, b, keys...)
	whole, err := archive.LoadPlan(t.Context(), b)
	if err != nil || len(whole.Gaps) != 0 {
		t.Fatal(whole.Gaps, err)
	}
	source := whole.Segments[0].Name.Source.String()
	after := func(i int, again ...string) archive.Plan {
		t.Helper()
		r := archive.Reached{Last: map[string]string{source: whole.Segments[i].Footer.Last}, Again: map[string]bool{}}
		for _, key := range again {
			r.Again[key] = true
		}
		counted := opens{b, &atomic.Int64{}}
		p, err := archive.LoadPlanAfter(t.Context(), counted, r)
		if err != nil {
			t.Fatal(err)
		}
		if most, n := int64(len(keys)-i+len(again)), counted.n.Load(); n > most {
			t.Errorf("after segment %d: %d footers read, want at most %d", i, n, most)
		}
		return p
	}
	got := func(p archive.Plan) (names []string) {
		for _, s := range p.Segments {
			names = append(names, s.Key)
		}
		return names
	}
	for i := range keys {
		if p := after(i); len(p.Gaps) != 0 || !slices.Equal(got(p), keys[i:]) {
			t.Errorf("after segment %d: %v, %v", i, got(p), p.Gaps)
		}
	}
	if p := after(5, keys[1], keys[5], keys[7]); len(p.Gaps) != 0 || !slices.Equal(got(p), append(slices.Clone(keys[5:]), keys[1])) {
		t.Errorf("with a segment again: %v, %v", got(p), p.Gaps)
	}
	if err = os.Remove(filepath.Join(dir, keys[7])); err != nil {
		t.Fatal(err)
	}
	if p := after(5); len(p.Gaps) != 1 || p.Gaps[0].After.Last != whole.Segments[6].Footer.Last || !slices.Equal(got(p), []string{keys[5], keys[6], keys[8], keys[9]}) {
		t.Errorf("with a gap: %v, %v", got(p), p.Gaps)
	}
	if p := after(8); len(p.Gaps) != 0 {
		t.Errorf("a gap that was passed: %v", p.Gaps)
	}
}

// A segment that is to be read again and cannot be read is named.
func TestPlanAfter_NamesWhatCannotBeReadAgain(t *testing.T) {
	b, dir, keys := chain(t, archivetest.Records(archivetest.Bank(4, 5, 100)), 25)
	whole, err := archive.LoadPlan(t.Context(), b)
	if err == nil {
		err = os.Chmod(filepath.Join(dir, keys[0]), 0o600)
	}
	if err == nil {
		err = os.Truncate(filepath.Join(dir, keys[0]), 100)
	}
	if err == nil {
		err = os.Remove(filepath.Join(dir, keys[1]))
	}
	if err != nil {
		t.Fatal(err)
	}
	last := whole.Segments[3]
	p, err := archive.LoadPlanAfter(t.Context(), b, archive.Reached{
		Last: map[string]string{last.Name.Source.String(): last.Footer.Last}, Again: map[string]bool{keys[0]: true, keys[1]: true},
	})
	if err != nil || len(p.Gaps) != 2 || p.Gaps[0].Key != keys[0] || p.Gaps[1].Key != keys[1] || p.Gaps[0].After != (segment.Link{Last: last.Footer.Last}) {
		t.Errorf("%+v, %v", p.Gaps, err)
	}
}
