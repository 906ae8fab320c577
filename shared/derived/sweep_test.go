package derived

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/account"
	"passbook/shared/archive/archivetest"
	"passbook/shared/event"
	"passbook/shared/readmodel"
	"passbook/shared/table"
)

// count returns how many rows the table has.
func count(t *testing.T, in table.Table) (n int) {
	t.Helper()
	for _, err := range table.ScanRows(t.Context(), in, table.Scan{Table: Table, Of: 1}) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}

func put(t *testing.T, in table.Table, rows ...table.Row) {
	t.Helper()
	for _, row := range rows {
		if err := in.Put(t.Context(), table.Put{Table: Table, Row: row, If: table.Absent()}); err != nil {
			t.Fatal(err)
		}
	}
}

// The rows of the index of an entry are deleted within a day after their 90 days, over pages and
// generations. Holders' rows and marks stay.
func TestExpiredRowsOfTheIndexAreDeleted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := markTable(t)
		began := time.Now()
		put(t, in, table.Row{Key: table.Key{PK: "g1#c#main##pad", SK: "pad"}, Attrs: table.Map{"format": table.N(rowFormat), "pad": table.S(fmt.Sprintf("%0300000d", 1))}})
		for i, e := range archivetest.Bank(1, 3, 40) {
			e.RecordedAt = began.Add(-Retention + time.Duration(i)*time.Hour)
			for generation := range int64(3) {
				rows := OfEntry(generation+1, e)
				if generation == 0 {
					delete(rows[0].Attrs, ExpiryAttr) // of an earlier release
				}
				put(t, in, rows...)
			}
		}
		all := count(t, in)
		state := readmodel.Row[account.State]{Account: event.Account{Tenant: "main", ID: "A-1"}, State: account.State{HolderRef: "H-1"}}
		row, _ := OfState(1, state)
		put(t, in, row)
		if err := Begin(t.Context(), in, 1, 2, true); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		go Sweeper{Table: in, Now: time.Now, Log: slog.New(slog.DiscardHandler)}.Run(ctx)
		time.Sleep(firstSweep + time.Minute)
		synctest.Wait()
		if n := count(t, in); n >= all+2 || n < all*9/10 {
			t.Errorf("after the first pass %d rows of %d are left", n, all+2)
		}
		time.Sleep(2 * sweepEvery)
		synctest.Wait()
		if n := count(t, in); n != 3 {
			t.Errorf("%d rows are left, not the pad, the holder's and the mark", n)
		}
		stop()
	})
}
