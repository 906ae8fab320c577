package delivery

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/consumer"
	"passbook/shared/event"
	"passbook/shared/stream"
	"passbook/shared/table"
	"passbook/shared/webhook"
)

// queries counts the queries of a table, each of which takes a while.
type queries struct {
	table.Table
	n int
}

func (q *queries) Query(ctx context.Context, query table.Query) (table.Page, error) {
	q.n++
	time.Sleep(10 * time.Millisecond)
	return q.Table.Query(ctx, query)
}

// A look goes beyond its first page. What is due and other processes' costs a process some queries
// a second, and hides nothing that is its own.
func TestALookAtWhatIsDueIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBank(t)
		b.stop()
		counted := &queries{Table: b.table}
		d := New(Config{Table: counted, Journal: b.journal, Registry: b.registry, Log: slog.New(slog.DiscardHandler)})
		e := &webhook.Endpoint{ID: "wh_a", Tenant: "main"}
		own := event.Account{Tenant: "main", ID: "A-1000"}
		for i := range 1001 {
			if i == 1000 {
				time.Sleep(time.Second) // its own is due last
			}
			if _, err := d.store.raise(t.Context(), e, b.commit(fmt.Sprintf("A-%d", i), 1)); err != nil {
				t.Fatal(err)
			}
		}
		hash := stream.HashKey(own.String())
		d.own(consumer.Shard{ID: "0", FirstHash: hash, LastHash: hash})
		s := newSender(d, e, func() {})
		for look := 1; len(s.queue) == 0; look++ {
			counted.n = 0
			if err := s.fill(t.Context()); err != nil {
				t.Fatal(err)
			}
			if counted.n > lookMost || look > 3 {
				t.Fatalf("look %d: %d queries", look, counted.n)
			}
			time.Sleep(refresh)
		}
		if s.queue[0] != own || s.place != "" {
			t.Errorf("%v, and next from %q", s.queue, s.place)
		}
	})
}
