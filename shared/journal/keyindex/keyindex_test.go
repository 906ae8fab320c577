package keyindex

import (
	"fmt"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"passbook/shared/event"
)

var began = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

// entry returns an entry of one command a version, whose keys are "k<version>".
func entry(first, last int64, at time.Time) *event.Entry {
	e := &event.Entry{First: first, Last: last, RecordedAt: at}
	for v := first; v <= last; v++ {
		e.Commands = append(e.Commands, event.Command{Key: fmt.Sprint("k", v), First: v, Last: v})
	}
	return e
}

func find(t *testing.T, x *Index, versions ...int64) {
	t.Helper()
	for _, v := range versions {
		if got, ok := x.Find(fmt.Sprint("k", v)); ok != Used || got != v {
			t.Errorf("k%d: version %d, %v", v, got, ok)
		}
	}
}

// Entries that end at, begin at and cross the end of a page complete it, and an index that is made
// of the pages finds the same keys.
func TestPagesHaveTheKeysOfTheirVersions(t *testing.T) {
	for _, ends := range [][]int64{{999, 1000, 1001, 2000, 2400}, {1500, 1501, 3200}, {1000, 2000, 3000}} {
		var x Index
		var pages []Page
		first := int64(1)
		for i, last := range ends {
			x.Add(entry(first, last, began.Add(time.Duration(i)*time.Minute)))
			for {
				p, ok := x.Complete()
				if !ok {
					break
				}
				pages = append(pages, p)
				x.saved()
			}
			find(t, &x, first, last)
			first = last + 1
		}
		numbers := make([]int64, len(pages))
		for i, p := range pages {
			numbers[i] = p.Number
			stored, err := Stored(p.Number, p.Keys, p.At)
			if err != nil {
				t.Fatal(err)
			}
			pages[i] = stored
		}
		if !slices.IsSorted(numbers) || len(slices.Compact(numbers)) != len(pages) {
			t.Errorf("%v: pages %v", ends, numbers)
		}
		open := x.open
		slices.Reverse(pages)
		loaded := newIndex(partsOf(pages), open, time.Time{}, nil)
		if loaded.Count() != x.Count() {
			t.Errorf("%v: %d keys loaded, %d remembered", ends, loaded.Count(), x.Count())
		}
		find(t, &loaded, 1, 500, ends[0], ends[len(ends)-1])
		if _, ok := loaded.Find("other"); ok != Unused {
			t.Error("found a key that was never there")
		}
	}
}

// A page that was saved takes no memory beside the span that has its keys.
func TestSavedPageCanBeCollected(t *testing.T) {
	var x Index
	x.Add(entry(1, 1000, began))
	p, _ := x.Complete()
	keys := weak.Make(&p.Keys[0])
	p = Page{}
	x.saved()
	runtime.GC()
	if keys.Value() != nil {
		t.Error("the index refers to a page that was saved")
	}
	find(t, &x, 1, 1000)
}

func TestBrokenPageIsRefused(t *testing.T) {
	if _, err := Stored(0, make([]byte, pageKeyBytes+1), began); err == nil {
		t.Error("accepted")
	}
}

// The keys of a complete page are dropped when they are past the window by both clocks: the
// entries' and this process's.
func TestKeysAreDroppedAfterTheWindow(t *testing.T) {
	for name, tt := range map[string]struct {
		journal, process time.Duration
		kept             bool
	}{
		"both clocks past":    {Window + 2*time.Hour, Window + time.Second, false},
		"the entries' jumped": {Window + 2*time.Hour, time.Minute, true},
		"only the process's":  {time.Hour, Window + 2*time.Hour, true},
		"neither":             {Window, Window, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var x Index
				x.Add(entry(1, 1, began))
				time.Sleep(tt.process)
				x.Add(entry(1001, 1001, began.Add(tt.journal))) // in the next page
				if _, ok := x.Find("k1"); (ok == Used) != tt.kept {
					t.Errorf("kept %v", ok)
				}
				find(t, &x, 1001)
				if want := map[bool]int{true: 2, false: 1}[tt.kept]; x.Count() != want {
					t.Errorf("%d keys, want %d", x.Count(), want)
				}
			})
		})
	}
}

func TestIndexIsTooShortWhereItWasLoadedUnderAClockThatWasAhead(t *testing.T) {
	x := newIndex(nil, Page{}, began, nil)
	if x.TooShort(began.Add(Window)) || !x.TooShort(began.Add(Window-1)) {
		t.Error("the window begins elsewhere")
	}
	var all Index
	if all.TooShort(began) {
		t.Error("an index of all keys is too short")
	}
}
