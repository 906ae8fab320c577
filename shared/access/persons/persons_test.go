package persons_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"passbook/shared/access/persons"
	"passbook/shared/control"
	"passbook/shared/journal"
	"passbook/shared/storetest"
	"passbook/shared/stream/pebblestream"
	"passbook/shared/table"
)

// tables is a control table that can be down, and that counts what is read and written.
type tables struct {
	table.Table
	down          atomic.Bool
	reads, writes atomic.Int64
}

var errDown = errors.New("down")

func (c *tables) Get(ctx context.Context, name string, key table.Key, consistent bool) (table.Row, error) {
	c.reads.Add(1)
	if c.down.Load() {
		return table.Row{}, errDown
	}
	return c.Table.Get(ctx, name, key, consistent)
}

func (c *tables) Put(ctx context.Context, p table.Put) error {
	c.writes.Add(1)
	return c.Table.Put(ctx, p)
}

func (c *tables) PutEach(ctx context.Context, puts []table.Put) []error {
	return table.PutApart(ctx, puts, 1, c.Put)
}

func newTables(t *testing.T) *tables {
	return &tables{Table: storetest.Memory(t, pebblestream.Options{}, journal.Schemas...).Table}
}

// run runs a Directory until the test ends.
func run(t *testing.T, c table.Table) *persons.Directory {
	d := persons.New(c, slog.New(slog.DiscardHandler))
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = d.Run(ctx) })
	t.Cleanup(func() { stop(); running.Wait() })
	return d
}

const ada = "oidc:abcdefghijklmnopqrstuvwxyz"

func mustBe(t *testing.T, what string, d *persons.Directory, tenant, actor, want string) {
	t.Helper()
	synctest.Wait()
	if got, err := d.Name(t.Context(), tenant, actor); err != nil || got != want {
		t.Errorf("%s: %q, %v, want %q", what, got, err, want)
	}
}

func TestNamesAreKeptUntilTheyAreErased(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTables(t)
		d := run(t, c)
		mustBe(t, "before", d, "main", ada, "")
		d.Note("main", ada, "Ada Lovelace")
		mustBe(t, "noted", d, "main", ada, "Ada Lovelace")
		mustBe(t, "in another tenant", d, "north", ada, "")
		d.Note("main", ada, "Ada King")
		mustBe(t, "with another name", d, "main", ada, "Ada King")
		if had, err := persons.Erase(t.Context(), c, "main", ada); !had || err != nil {
			t.Errorf("erase: %t, %v", had, err)
		}
		mustBe(t, "erased", d, "main", ada, "")
		d.Note("main", ada, "Ada King")
		mustBe(t, "noted after it was erased", d, "main", ada, "")
		row, err := control.Actors(c).Get(t.Context(), "main#"+ada)
		if err != nil || row.Attrs["name"] != nil || row.Attrs.Time("erased").IsZero() {
			t.Errorf("the row is %v, %v", row.Attrs, err)
		}
		if had, err := persons.Erase(t.Context(), c, "main", ada); had || err != nil {
			t.Errorf("erase again: %t, %v", had, err)
		}
		if had, err := persons.Erase(t.Context(), c, "main", "oidc:never"); had || err != nil {
			t.Errorf("erase one that was never seen: %t, %v", had, err)
		}
		d.Note("main", "oidc:never", "Never")
		mustBe(t, "noted after it was erased", d, "main", "oidc:never", "")
	})
}

// A name that the row has is written once, and requests do not wait for a table that is down.
func TestNotingCostsARequestNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTables(t)
		d := run(t, c)
		for range 100 {
			d.Note("main", ada, "Ada")
			synctest.Wait()
		}
		if n := c.writes.Load(); n != 1 {
			t.Errorf("%d writes", n)
		}
		still := persons.New(c, nil)
		for i := range 10_000 { // nobody writes them: the queue is full
			still.Note("main", fmt.Sprint("oidc:", i), "x")
		}
		c.down.Store(true)
		d.Note("main", "oidc:ben", "Ben")
		synctest.Wait()
		c.down.Store(false)
		mustBe(t, "noted while the table was down", d, "main", "oidc:ben", "")
		d.Note("main", "oidc:ben", "Ben")
		mustBe(t, "noted again", d, "main", "oidc:ben", "Ben")
	})
}

func TestNamesOfManyActors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTables(t)
		d := run(t, c)
		d.Note("main", ada, "Ada")
		d.Note("main", "oidc:ben", "Ben")
		synctest.Wait()
		c.reads.Store(0)
		got := d.Names(t.Context(), "main", []string{ada, "key:AAAA", "dev", ada, "oidc:ben", "oidc:unknown"})
		if len(got) != 2 || got[ada] != "Ada" || got["oidc:ben"] != "Ben" {
			t.Errorf("%v", got)
		}
		if n := c.reads.Load(); n != 3 {
			t.Errorf("%d reads for three persons", n)
		}
		c.down.Store(true)
		if got := d.Names(t.Context(), "main", []string{ada}); len(got) != 0 {
			t.Errorf("down: %v", got)
		}
	})
}
