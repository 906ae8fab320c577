package journal

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/faults"
	"passbook/shared/table"
)

// A put that begins in the last putDeadline of the lease may end after it, when others drain the
// writer's tail. It is not begun, and the next one has a new id.
func TestNoEntryBeginsAtTheEndOfALease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const lease = 10 * time.Second
		tbl, _ := store(t)
		j, err := Open(t.Context(), Config{Table: tbl, Outbox: &outbox{}, Lease: lease})
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := j.Close(context.Background()); err != nil {
				t.Error(err)
			}
		}()
		opened := time.Now()
		id := j.Writer()
		// no heartbeat renews it
		tbl.Arm(&faults.Rule{Match: func(p table.Put) bool { return p.Row.SK == id }, Before: errLost}, 100)
		openAccount(t, j, acct, 100)
		time.Sleep(time.Until(opened.Add(lease - putDeadline)))
		if r := accepted(t, j, command(acct, "in time", withdrawing(1))); r.Entry.Writer != id {
			t.Errorf("written by %s, not %s, whose lease lasts", r.Entry.Writer, id)
		}
		time.Sleep(time.Nanosecond)
		if r := accepted(t, j, command(acct, "late", withdrawing(1))); r.Entry.Writer == id {
			t.Error("begun at the end of the lease")
		}
	})
}
