package writertail

import (
	"context"
	"fmt"
	"testing"
	"time"

	"go.uber.org/goleak"

	"passbook/shared/account"
	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/shared/journal/rowkey"
	"passbook/shared/storetest"
	"passbook/shared/stream/pebblestream"
	"passbook/shared/table"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// smallPages answers queries with three rows at most, so that anything longer takes several pages.
type smallPages struct{ table.Table }

func (p smallPages) Query(ctx context.Context, q table.Query) (table.Page, error) {
	if q.Limit == 0 || q.Limit > 3 {
		q.Limit = 3
	}
	return p.Table.Query(ctx, q)
}

type discard struct{}

func (discard) Publish(...journal.Committed)    {}
func (discard) Full() bool                      { return false }
func (discard) Pace(event.Account, func()) bool { return false }

// openOrCredit opens an account and then credits it.
func openOrCredit(s account.State, now time.Time) account.Decision {
	d := account.NewDraft(s, now)
	if s.Version == 0 {
		d.Open("EUR", event.AccountOpened{Exponent: 2})
	} else {
		d.Credit(event.MoneyCredited{Amount: 1, Kind: event.KindDeposit}, d.Today())
	}
	return d.Decision()
}

// A tail is complete and in the writer's order, over any number of pages of its index, and begins
// after what is published.
func TestTailIsReadToItsEnd(t *testing.T) {
	const entries = 10 * rowkey.Writers
	tbl := storetest.Memory(t, pebblestream.Options{}, journal.Schemas...).Table.Table
	j, err := journal.Open(t.Context(), journal.Config{Table: tbl, Outbox: discard{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := j.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	for i := range entries {
		a := event.Account{Tenant: "main", ID: fmt.Sprint("A-", i%7)}
		if r, err := j.Execute(t.Context(), journal.Command{Account: a, Status: 201, Decide: openOrCredit}); err != nil || r.Entry == nil {
			t.Fatalf("command %d: %+v, %v", i, r, err)
		}
	}
	for _, after := range []int64{0, 1, entries - 1, entries} {
		next := after + 1
		for c, err := range Read(t.Context(), smallPages{tbl}, j.Writer(), after, func(n int64) bool { return n == entries/2 }) {
			if next == entries/2 {
				next++ // known to be sent
			}
			if err != nil || c.N != next {
				t.Fatalf("after %d: entry %d, want %d: %v", after, c.N, next, err)
			}
			next++
		}
		if next != entries+1 {
			t.Errorf("after %d: the tail ends before %d of %d", after, next, entries)
		}
	}
}
