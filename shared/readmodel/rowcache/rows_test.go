package rowcache

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"passbook/shared/embedded"
	"passbook/shared/table"
	"passbook/shared/table/pebbletable"
)

// openRows returns a table with a row of number 0, its key, and what puts another number if the row
// has one.
func openRows(t *testing.T) (tab *pebbletable.Table, key table.Key, put func(n, was int) error) {
	t.Helper()
	db, err := embedded.Open(embedded.Options{Dir: "data", FS: vfs.NewMem(), NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	if tab, err = pebbletable.New(db, table.Schema{Name: "rows"}); err != nil {
		t.Fatal(err)
	}
	key = table.Key{PK: "a", SK: "-"}
	write := func(n int, cond table.Condition) error {
		return tab.Put(t.Context(), table.Put{Table: "rows", Row: table.Row{Key: key, Attrs: table.Map{"v": table.N(n)}}, If: cond})
	}
	if err := write(0, table.Absent()); err != nil {
		t.Fatal(err)
	}
	return tab, key, func(n, was int) error { return write(n, table.Equals("v", table.N(was))) }
}

// A reader gets what a writer kept only if nobody else wrote the row since.
func TestAReaderGetsWhatWasWrittenLast(t *testing.T) {
	tab, key, put := openRows(t)
	kept := NewGenerations[int](tab, "rows", 0).Of(1)
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	check := func(when string, want int, wantKnown bool) {
		if got, _, known := kept.Read("a", key); known != wantKnown || known && got != want {
			t.Errorf("%s: %d, %v", when, got, known)
		}
	}
	stamp := kept.Expect(key, true)
	must(put(1, 0))
	kept.Put("a", 1, stamp, 1)
	check("after a write", 1, true)
	stamp = kept.Expect(key, true)
	check("before another write", 1, true)
	must(put(2, 1))
	check("after a write by another", 0, false)
	must(put(3, 2))
	kept.Put("a", 2, stamp, 1)
	check("of the first of two", 0, false)
	_, stamp, _ = kept.Read("a", key)
	must(put(4, 3))
	kept.Keep("a", key, 3, stamp, 1)
	check("read before a write", 0, false)
	if got, _ := kept.Get("a"); got != 2 {
		t.Errorf("what was read before a write replaced %d", got)
	}
	_, stamp, _ = kept.Read("a", key)
	kept.Keep("a", key, 4, stamp, 1)
	check("read after the writes", 4, true)
}

// What is kept by its stamp is never older than what any reader got before.
func TestKeptRowsAreAsNewAsStoredOnes(t *testing.T) {
	const writes = 3000
	tab, key, put := openRows(t)
	kept := NewGenerations[int64](tab, "rows", 0).Of(1)
	var seen, found atomic.Int64
	read := func() (int64, bool, error) {
		n, stamp, known := kept.Read("a", key)
		if known {
			return n, true, nil
		}
		row, err := tab.Get(context.Background(), "rows", key, true)
		if err == nil {
			n = row.Attrs.Number("v")
			kept.Keep("a", key, n, stamp, 1)
		}
		return n, false, err
	}
	var readers sync.WaitGroup
	done := make(chan struct{})
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				least := seen.Load()
				n, known, err := read()
				if err != nil || n < least {
					t.Errorf("read %d (kept: %v) after %d, %v", n, known, least, err)
					return
				}
				if known {
					found.Add(1)
				}
				for was := seen.Load(); n > was && !seen.CompareAndSwap(was, n); was = seen.Load() {
				}
			}
		})
	}
	for n := range writes {
		stamp := kept.Expect(key, true)
		if err := put(n+1, n); err != nil {
			t.Fatal(err)
		}
		if n%2 == 0 {
			kept.Put("a", int64(n+1), stamp, 1)
			if got, _, known := kept.Read("a", key); !known || got != int64(n+1) {
				t.Fatalf("%d is kept after the put of %d: %v", got, n+1, known)
			}
		}
		if got, _, err := read(); err != nil || got != int64(n+1) {
			t.Fatalf("read %d after the put of %d, %v", got, n+1, err)
		}
	}
	for was := found.Load(); found.Load() == was && !t.Failed(); { // nothing is written any more
	}
	close(done)
	readers.Wait()
}
