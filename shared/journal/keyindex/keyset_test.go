package keyindex

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// A set has what a map has, also of hashes that get one place, and after it grew.
func TestKeySetIsAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		base := rapid.Int64Range(0, 1<<40).Draw(t, "base")
		set, want := keySet{base: base}, map[keyHash]int64{}
		if rapid.Bool().Draw(t, "reserves") {
			set.reserve(rapid.IntRange(0, 300).Draw(t, "room"))
		}
		hash := func() (h keyHash) {
			// The last places, the first, and any.
			first := rapid.OneOf(rapid.Uint32Range(1<<32-3, 1<<32-1), rapid.Uint32Range(0, 2), rapid.Uint32()).Draw(t, "first")
			binary.BigEndian.PutUint32(h[:], first)
			h[11] = rapid.Uint8Range(0, 3).Draw(t, "last")
			return h
		}
		for range rapid.IntRange(0, 200).Draw(t, "keys") {
			h, version := hash(), base+rapid.Int64Range(1, 1<<32-1).Draw(t, "above")
			set.set(h, version)
			want[h] = version
			if h := hash(); true {
				version, there := want[h]
				if got, found := set.get(h); found != there || found && got != version {
					t.Fatalf("%x: version %d, %v; want %d, %v", h, got, found, version, there)
				}
			}
		}
		for h, version := range want {
			if got, found := set.get(h); !found || got != version {
				t.Fatalf("%x: version %d, %v; want %d", h, got, found, version)
			}
		}
		if set.count != len(want) {
			t.Fatalf("%d keys counted, %d set", set.count, len(want))
		}
	})
}

// newPages returns pages, newest first, with a key a version, a minute apart.
func newPages(n int64) (pages []Page) {
	for i := range n {
		p := Page{Number: i, At: began.Add(time.Duration(i) * time.Minute)}
		p.Add(entry(i*PageSpan+1, (i+1)*PageSpan, p.At))
		pages = append([]Page{p}, pages...)
	}
	return pages
}

func partsOf(pages []Page) (parts []part) {
	for _, p := range pages {
		parts = append(parts, part{page: p})
	}
	return parts
}

// A key takes as much memory as the writers account for.
func TestAKeyTakesTheMemoryThatIsCounted(t *testing.T) {
	pages := newPages(100)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	x := newIndex(partsOf(pages), Page{Number: 100}, time.Time{}, nil)
	for i := range int64(5000) {
		x.Add(entry(100*PageSpan+i+1, 100*PageSpan+i+1, began.Add(2*time.Hour)))
	}
	x.complete, x.open = nil, Page{Number: x.open.Number}
	runtime.GC()
	runtime.ReadMemStats(&after)
	each := float64(after.HeapAlloc-before.HeapAlloc) / float64(x.Count())
	if x.Count() != 105_000 || each > KeyBytes || each < slotBytes {
		t.Errorf("%.1f bytes for each of %d keys", each, x.Count())
	}
	runtime.KeepAlive(pages)
}

// BenchmarkLoad makes the index of 1,700,000 keys.
func BenchmarkLoad(b *testing.B) {
	pages := partsOf(newPages(1700))
	b.ReportAllocs()
	for b.Loop() {
		if x := newIndex(pages, Page{}, time.Time{}, nil); x.Count() != 1_700_000 {
			b.Fatal(x.Count())
		}
	}
}

// BenchmarkFind looks for keys that are not among those of a day.
func BenchmarkFind(b *testing.B) {
	x := newIndex(partsOf(newPages(1440)), Page{}, time.Time{}, nil)
	keys := make([]string, 1024)
	for i := range keys {
		keys[i] = fmt.Sprint("new", i)
	}
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		n++
		if _, found := x.Find(keys[n%len(keys)]); found != Unused {
			b.Fatal("found")
		}
	}
}
