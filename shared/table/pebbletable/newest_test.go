package pebbletable

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"passbook/shared/embedded"
	"passbook/shared/table"
)

// isBeyond asks of a key, and fails the test unless the answer is the wanted one.
func isBeyond(t *testing.T, n *newest, key string, absent, read bool) *mark {
	t.Helper()
	got, m := n.beyond([]byte("E#"), []byte(key))
	if got != absent || (m != nil) != read {
		t.Fatalf("%s: absent %v, to be read %v; want %v, %v", key, got, m != nil, absent, read)
	}
	return m
}

func TestAMarkIsUsedOnceItsGroupWasRead(t *testing.T) {
	n := newNewest(manyMarks)
	n.inserted([]byte("E#"), []byte("E#9")) // nobody asked
	isBeyond(t, n, "E#5", false, false)
	m := isBeyond(t, n, "E#6", false, true)
	n.inserted([]byte("E#"), []byte("E#8")) // after the mark was made, so perhaps not in the view
	n.confirm([]byte("E#"), m, []byte("E#5"))
	for key, absent := range map[string]bool{"E#5": false, "E#7": false, "E#8": false, "E#81": true, "E#9": true} {
		isBeyond(t, n, key, absent, false)
	}
	n.inserted([]byte("E#"), []byte("E#9"))
	n.inserted([]byte("E#"), []byte("E#85"))
	isBeyond(t, n, "E#9", false, false)
	n.forget([]byte("E#"))
	isBeyond(t, n, "E#99", false, false)
	m = isBeyond(t, n, "E#99", false, true)
	n.forget([]byte("E#"))
	isBeyond(t, n, "E#99", false, false)
	n.confirm([]byte("E#"), m, nil) // of a mark that was forgotten: insertions may have missed it
	isBeyond(t, n, "E#99", false, true)
}

// manyMarks is room for more marks than a test makes.
const manyMarks = 32 << 20

func TestMarksAreBoundedAndTheBusyOnesStay(t *testing.T) {
	const most = 1 << 20
	n := newNewest(most)
	group := func(i int) []byte { return fmt.Appendf(nil, "account-%08d E#", i) }
	ask := func(i int) bool { absent, _ := n.beyond(group(i), append(group(i), "9"...)); return absent }
	ask(0)
	_, m := n.beyond(group(0), append(group(0), "9"...))
	n.confirm(group(0), m, nil)
	for i := range 100_000 {
		ask(i + 1)
		if !ask(0) {
			t.Fatalf("a busy group is forgotten after %d others", i+1)
		}
	}
	kept := 0
	for i := range n.shards {
		kept += len(n.shards[i].young) + len(n.shards[i].old)
	}
	if size := kept * (2*len(group(0)) + newestOverhead); size > most {
		t.Errorf("%d groups are kept, of %d bytes", kept, size)
	}
}

// openRising opens two handles on one database. One knows that the table's rows rise, and has room
// for few marks; the other has not heard of it.
func openRising(t *testing.T, most int) (knows, other *Table) {
	t.Helper()
	db, err := embedded.Open(embedded.Options{Dir: "data", FS: vfs.NewMem(), NoSync: true, CacheBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	if knows, err = New(db, table.Schema{Name: "rows", Rising: []string{"E#"}}); err != nil {
		t.Fatal(err)
	}
	if other, err = New(db, table.Schema{Name: "rows"}); err != nil {
		t.Fatal(err)
	}
	knows.memory.newest = newNewest(most)
	other.memory.newest = knows.memory.newest
	return knows, other
}

func risingPut(partition, n int) table.Put {
	row := table.Row{Key: table.Key{PK: fmt.Sprint("p", partition), SK: fmt.Sprintf("E#%06d", n)}, Attrs: table.Map{"v": table.N(1)}}
	return table.Put{Table: "rows", Row: row, If: table.Absent()}
}

// One of many handles, calls and deletions inserts a row: what is inserted and not deleted is
// there once, and nothing is inserted twice.
func TestNoRowIsInsertedTwice(t *testing.T) {
	for _, most := range []int{manyMarks, newestShards * 2 * 400} {
		t.Run(fmt.Sprint(most), func(t *testing.T) {
			knows, other := openRising(t, most)
			r := &rising{T: t, handles: []*Table{knows, other}}
			var group sync.WaitGroup
			for w := range 12 {
				dice := rand.New(rand.NewPCG(uint64(w), uint64(most)))
				group.Go(func() {
					for range 1500 {
						r.step(dice)
					}
				})
			}
			group.Wait()
			r.check()
		})
	}
}

const (
	risingPartitions = 5
	risingKeys       = 4000
)

// rising counts what is inserted and deleted.
type rising struct {
	*testing.T
	handles []*Table
	at      [risingPartitions]atomic.Int64
	stored  [risingPartitions][risingKeys]atomic.Int64
}

// draw returns a key near the end of a partition.
func (r *rising) draw(dice *rand.Rand) (partition, n int) {
	partition = dice.IntN(risingPartitions)
	n = int(r.at[partition].Load()) + dice.IntN(6) - 2
	return partition, min(max(n, 0), risingKeys-1)
}

func (r *rising) step(dice *rand.Rand) {
	handle := r.handles[min(dice.IntN(4), 1)]
	partition, n := r.draw(dice)
	ctx := r.Context()
	switch dice.IntN(8) {
	case 0:
		err := handle.Delete(ctx, "rows", risingPut(partition, n).Row.Key, table.Equals("v", table.N(1)))
		r.count(partition, n, -1, err)
	case 1, 2:
		_, more := r.draw(dice)
		puts := []table.Put{risingPut(partition, n), risingPut((partition+1)%risingPartitions, more)}
		err := handle.Transact(ctx, puts)
		r.count(partition, n, 1, err)
		r.count((partition+1)%risingPartitions, more, 1, err)
	case 3, 4, 5:
		puts, places := []table.Put{}, []int{}
		for i := range 1 + dice.IntN(4) {
			if n+i < risingKeys {
				puts, places = append(puts, risingPut(partition, n+i)), append(places, n+i)
			}
		}
		for i, err := range handle.PutEach(ctx, puts) {
			r.count(partition, places[i], 1, err)
		}
	default:
		r.count(partition, n, 1, handle.Put(ctx, risingPut(partition, n)))
	}
}

func (r *rising) count(partition, n int, by int64, err error) {
	switch {
	case err == nil:
		r.stored[partition][n].Add(by)
		for at := r.at[partition].Load(); by > 0 && int64(n) >= at && !r.at[partition].CompareAndSwap(at, int64(n)+1); {
			at = r.at[partition].Load()
		}
	case !errors.Is(err, table.ErrConditionFailed):
		r.Errorf("p%d %d: %v", partition, n, err)
	}
}

func (r *rising) check() {
	for partition := range risingPartitions {
		for n := range risingKeys {
			_, err := r.handles[0].Get(r.Context(), "rows", risingPut(partition, n).Row.Key, true)
			there := int64(1)
			if errors.Is(err, table.ErrNotFound) {
				there, err = 0, nil
			}
			if got := r.stored[partition][n].Load(); err != nil || got != there {
				r.Errorf("p%d %d: inserted %d times more than deleted, and it is there %d times: %v", partition, n, got, there, err)
			}
		}
	}
}

// A large call that reads groups meets rows that are inserted after its view was taken, and before
// it asks for the marks.
func TestAGroupIsReadInAViewThatIsNewerThanItsMark(t *testing.T) {
	knows, other := openRising(t, manyMarks)
	const rounds, partitions = 40, 500
	for round := range rounds {
		large := make([]table.Put, partitions)
		for i := range large {
			large[i] = risingPut(round*partitions+i, 1)
		}
		var group sync.WaitGroup
		group.Go(func() {
			for i, err := range knows.PutEach(t.Context(), large) {
				if err != nil {
					t.Errorf("put %d: %v", i, err)
				}
			}
		})
		first := partitions - 10*(1+round%4)
		for i := first; i < partitions; i++ {
			if err := other.Put(t.Context(), risingPut(round*partitions+i, 3)); err != nil {
				t.Fatal(err)
			}
			if err := knows.Put(t.Context(), risingPut(round*partitions+i, 2)); err != nil {
				t.Fatal(err)
			}
		}
		group.Wait()
		for i := first; i < partitions; i++ {
			if err := knows.Put(t.Context(), risingPut(round*partitions+i, 3)); !errors.Is(err, table.ErrConditionFailed) {
				t.Fatalf("a row is inserted twice: %v", err)
			}
		}
	}
}

// A commit of unknown outcome is forgotten, and its row is looked up.
func TestAnAbandonedPutIsNotTakenForAbsent(t *testing.T) {
	knows, _ := openRising(t, manyMarks)
	for n := range 3 {
		if err := knows.Put(t.Context(), risingPut(0, n)); err != nil {
			t.Fatal(err)
		}
	}
	for n := 3; n < 200; n++ {
		ctx, cancel := context.WithCancel(t.Context())
		go cancel()
		first := knows.Put(ctx, risingPut(0, n))
		again := knows.Put(t.Context(), risingPut(0, n))
		cancel()
		if first == nil && !errors.Is(again, table.ErrConditionFailed) {
			t.Fatalf("put %d was made twice: %v", n, again)
		}
		if third := knows.Put(t.Context(), risingPut(0, n)); !errors.Is(third, table.ErrConditionFailed) {
			t.Fatalf("put %d: %v, %v, %v", n, first, again, third)
		}
	}
}

// The rows that are remembered are bounded together with their keys, and the busy ones stay.
func TestRememberedRowsAreBoundedAndTheBusyOnesStay(t *testing.T) {
	const most = 1 << 20
	r, value := newRecent(most), make([]byte, 300)
	key := func(i int) []byte { return fmt.Appendf(nil, "balance account-%08d", i) }
	for i := range 100_000 {
		r.put(key(i), value)
		r.put(key(0), value)
		if _, ok := r.get(key(0)); !ok {
			t.Fatalf("a busy row is forgotten after %d others", i)
		}
	}
	kept := 0
	for i := range r.shards {
		kept += len(r.shards[i].young) + len(r.shards[i].old)
	}
	if size := kept * (len(key(0)) + len(value) + recentOverhead); size > most || size < most/4 {
		t.Errorf("%d rows are kept, of %d bytes", kept, size)
	}
}
