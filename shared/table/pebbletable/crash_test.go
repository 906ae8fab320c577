package pebbletable_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"passbook/shared/embedded"
	"passbook/shared/table"
	"passbook/shared/table/pebbletable"
)

const (
	crashChains    = 60
	crashesInChain = 5
)

// TestCrash cuts the power 300 times while writers write. Every row that was answered or read is
// there, every other one is complete or absent, transactions are not torn, and index and rows
// agree.
func TestCrash(t *testing.T) {
	seen := outcomes{}
	for seed := range uint64(crashChains) {
		c := &crashRun{T: t, dice: rand.New(rand.NewPCG(seed, 2)), known: ledger{rows: map[table.Key]state{}}}
		fs := vfs.NewCrashableMem()
		for range crashesInChain {
			fs = c.cycle(fs, int(seed%5)*25, &seen)
		}
		db, tab := c.open(fs)
		c.check(tab, &seen)
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		seen.read += c.known.read
	}
	// A test that never meets an unanswered write, kept or lost, proves nothing about them.
	if seen.kept == 0 || seen.lost == 0 || seen.answered == 0 || seen.read == 0 {
		t.Errorf("not every outcome happened: %+v", seen)
	}
	t.Logf("%d crashes: %+v", crashChains*crashesInChain, seen)
}

// outcomes counts the outcomes of writes.
type outcomes struct{ answered, read, kept, lost int }

// state is what is known of a row: the values that it may have, and whether it must exist.
type state struct {
	attrs table.Map
	must  bool
	// twin is the row that is written in one transaction with this one.
	twin table.Key
}

// ledger is what is known of all rows at one moment.
type ledger struct {
	mu   sync.Mutex
	rows map[table.Key]state
	// read counts rows that were read before their write was answered.
	read int
}

func (l *ledger) note(attempted bool, rows ...table.Row) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, row := range rows {
		l.rows[row.Key] = state{attrs: row.Attrs, must: !attempted, twin: rows[len(rows)-1-i].Key}
	}
}

func (l *ledger) saw(key table.Key) {
	l.mu.Lock()
	defer l.mu.Unlock()
	known := l.rows[key]
	if !known.must {
		l.read++
	}
	known.must = true
	l.rows[key] = known
}

type crashRun struct {
	*testing.T
	dice  *rand.Rand
	known ledger
	next  int
}

func (c *crashRun) open(fs vfs.FS) (*embedded.DB, *pebbletable.Table) {
	db, err := embedded.Open(embedded.Options{Dir: "data", FS: fs, CacheBytes: 1 << 20})
	if err != nil {
		c.Fatal(err)
	}
	return db, openTable(c, db)
}

// cycle checks a database, runs writers and a reader on it, and returns the disk that a power cut
// at some moment leaves.
func (c *crashRun) cycle(fs *vfs.MemFS, unsynced int, seen *outcomes) *vfs.MemFS {
	db, tab := c.open(fs)
	c.check(tab, seen)
	ctx, cancel := context.WithCancel(c.Context())
	answered := make(chan struct{}, 1000)
	var writers sync.WaitGroup
	for w := range 4 {
		c.next++
		id := c.next
		writers.Go(func() { c.write(ctx, tab, id, w%2 == 1, answered) })
	}
	c.next++
	writers.Go(func() { c.writeEach(ctx, tab, c.next, answered) })
	writers.Go(func() { c.read(ctx, tab) })
	for range c.dice.IntN(12) {
		<-answered
	}
	c.known.mu.Lock()
	known := make(map[table.Key]state, len(c.known.rows))
	for key, s := range c.known.rows {
		known[key] = s
	}
	c.known.mu.Unlock()
	crashed := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: unsynced, RNG: c.dice})
	cancel()
	writers.Wait()
	if err := db.Close(); err != nil {
		c.Fatal(err)
	}
	// A write that was attempted after that moment may be there too.
	for key, s := range c.known.rows {
		if before, was := known[key]; was {
			s = before
		} else {
			s.must = false
		}
		c.known.rows[key] = s
	}
	return crashed
}

// write puts rows of one writer until the power is cut, one by one or in pairs.
func (c *crashRun) write(ctx context.Context, tab *pebbletable.Table, id int, pairs bool, answered chan<- struct{}) {
	for n := 0; ctx.Err() == nil && n < 200; n++ {
		attrs := table.Map{"nk": table.S("all"), "nn": table.N(n), "v": table.S(fmt.Sprintf("%0*d", 10+id*n%700, n))}
		row := table.Row{Key: table.Key{PK: fmt.Sprint("writer-", id), SK: fmt.Sprintf("%06d", n)}, Attrs: attrs}
		rows := []table.Row{row}
		if pairs {
			rows = append(rows, table.Row{Key: table.Key{PK: row.PK + "-twin", SK: row.SK}, Attrs: attrs})
		}
		c.known.note(true, rows...)
		var err error
		if pairs {
			err = tab.Transact(ctx, []table.Put{
				{Table: "suite-rows", Row: rows[0], If: table.Absent()}, {Table: "suite-rows", Row: rows[1], If: table.Absent()},
			})
		} else {
			err = tab.Put(ctx, table.Put{Table: "suite-rows", Row: row, If: table.Absent()})
		}
		if err != nil {
			if !errors.Is(err, context.Canceled) {
				c.Errorf("write: %v", err)
			}
			return
		}
		c.known.note(false, rows...)
		select {
		case answered <- struct{}{}:
		default:
		}
	}
}

// writeEach puts many rows in each call until the power is cut. Each is answered by itself, and
// some fail, as they are there.
func (c *crashRun) writeEach(ctx context.Context, tab *pebbletable.Table, id int, answered chan<- struct{}) {
	for n := 0; ctx.Err() == nil && n < 200; n += 20 {
		var puts []table.Put
		for i := max(n-2, 0); i < n+20; i++ {
			attrs := table.Map{"nk": table.S("all"), "nn": table.N(i), "v": table.S(fmt.Sprintf("%0*d", 10+id*i%700, i))}
			row := table.Row{Key: table.Key{PK: fmt.Sprint("writer-", id), SK: fmt.Sprintf("E#%06d", i)}, Attrs: attrs}
			if i >= n {
				c.known.note(true, row)
			}
			puts = append(puts, table.Put{Table: "suite-rows", Row: row, If: table.Absent()})
		}
		for i, err := range tab.PutEach(ctx, puts) {
			switch {
			case err == nil:
				c.known.note(false, puts[i].Row)
			case errors.Is(err, table.ErrConditionFailed) && n > 0 && i < 2:
			case errors.Is(err, context.Canceled):
				return
			default:
				c.Errorf("put %d of a call: %v", i, err)
			}
		}
		select {
		case answered <- struct{}{}:
		default:
		}
	}
}

// read reads the index of all rows: a row that was read must survive like one that was answered.
func (c *crashRun) read(ctx context.Context, tab *pebbletable.Table) {
	for ctx.Err() == nil {
		page, err := tab.Query(ctx, table.Query{Table: "suite-rows", Index: "by-number", PK: "all", Desc: true, Limit: 50})
		if err != nil {
			if !errors.Is(err, context.Canceled) {
				c.Errorf("read: %v", err)
			}
			return
		}
		for _, row := range page.Rows {
			c.known.saw(row.Key)
		}
	}
}

// check compares the stored rows with the ledger, and then records them in it.
func (c *crashRun) check(tab *pebbletable.Table, seen *outcomes) {
	stored := map[table.Key]table.Map{}
	indexed := map[table.Key]table.Value{}
	pages(c.T, func(after string) (table.Page, error) {
		return tab.Scan(c.Context(), table.Scan{Table: "suite-rows", Of: 1, After: after})
	}, func(r table.Row) { stored[r.Key] = r.Attrs })
	pages(c.T, func(after string) (table.Page, error) {
		return tab.Query(c.Context(), table.Query{Table: "suite-rows", Index: "by-number", PK: "all", After: after})
	}, func(r table.Row) { indexed[r.Key] = r.Attrs["nn"] })
	if len(stored) != len(indexed) {
		c.Fatalf("%d rows, %d in the index", len(stored), len(indexed))
	}
	for key, attrs := range stored {
		known, attempted := c.known.rows[key]
		if !attempted || !reflect.DeepEqual(attrs, known.attrs) || indexed[key] != attrs["nn"] {
			c.Fatalf("row %v is %v, index %v, attempted %v", key, attrs, indexed[key], known)
		}
		if _, there := stored[known.twin]; !there {
			c.Fatalf("row %v without its twin %v", key, known.twin)
		}
	}
	for key, known := range c.known.rows {
		_, there := stored[key]
		switch {
		case known.must && !there:
			c.Fatalf("row %v was answered or read, and is lost", key)
		case known.must:
			seen.answered++
		case there:
			seen.kept++
		default:
			seen.lost++
			delete(c.known.rows, key)
			continue
		}
		known.must = true
		c.known.rows[key] = known
	}
}

func pages(t *testing.T, next func(after string) (table.Page, error), each func(table.Row)) {
	for after := ""; ; {
		page, err := next(after)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range page.Rows {
			each(row)
		}
		if after = page.After; after == "" {
			return
		}
	}
}
