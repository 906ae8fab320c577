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

// What is kept by its stamp is never older than what any reader got before.
func TestKeptRowsAreAsNewAsStoredOnes(t *testing.T) {
	const writes = 3000
	db, err := embedded.Open(embedded.Options{Dir: "data", FS: vfs.NewMem(), NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	tab, err := pebbletable.New(db, table.Schema{Name: "rows"})
	if err != nil {
		t.Fatal(err)
	}
	key := table.Key{PK: "a", SK: "-"}
	put := func(n int, cond table.Condition) error {
		return tab.Put(t.Context(), table.Put{Table: "rows", Row: table.Row{Key: key, Attrs: table.Map{"v": table.N(n)}}, If: cond})
	}
	if err := put(0, table.Absent()); err != nil {
		t.Fatal(err)
	}
	kept := NewReads[int64](tab, 0)
	var seen, found atomic.Int64
	read := func() (int64, bool, error) {
		n, stamp, known := kept.Get("rows", key)
		if known {
			return n, true, nil
		}
		row, err := tab.Get(context.Background(), "rows", key, true)
		if err == nil {
			n = row.Attrs.Number("v")
			kept.Put(key, n, stamp, 1)
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
		if err := put(n+1, table.Equals("v", table.N(n))); err != nil {
			t.Fatal(err)
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
