package journal

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/control"
	"passbook/shared/faults"
	"passbook/shared/table"
)

// A put that begins in the last putDeadline of the lease may end after it, when others drain the
// writer's tail: it is not begun, and the next one has a new id.
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

// A registration that got no answer is repeated under its id, and each later tenure has its own.
func TestUnansweredRegistrationIsRepeated(t *testing.T) {
	tbl, _ := store(t)
	w := newWriter(tbl, 10*time.Second)
	tbl.Arm(&faults.Rule{Match: faults.On(control.Name), After: errLost}, 1)
	if err := w.start(t.Context()); !errors.Is(err, errLost) {
		t.Fatal(err)
	}
	id := w.coming.id
	if err := w.start(t.Context()); err != nil || w.id() != id {
		t.Errorf("not taken over: %v", err)
	}
	if err := w.start(t.Context()); err != nil || w.id() == id {
		t.Errorf("no new id: %v", err)
	}
}

// Somebody took the row for a dead writer's before the registration was repeated: the id is given
// up.
func TestUnansweredRegistrationThatIsDrainedIsGivenUp(t *testing.T) {
	tbl, _ := store(t)
	w := newWriter(tbl, 10*time.Second)
	tbl.Arm(&faults.Rule{Match: faults.On(control.Name), After: errLost}, 1)
	if err := w.start(t.Context()); !errors.Is(err, errLost) {
		t.Fatal(err)
	}
	id := w.coming.id
	drained := w.attrs(1, 0)
	drained["state"] = table.S(WriterDraining)
	if err := w.rows.Put(t.Context(), id, drained, table.N(0)); err != nil {
		t.Fatal(err)
	}
	if err := w.start(t.Context()); !errors.Is(err, errLeaseLost) {
		t.Errorf("took over a row that is drained: %v", err)
	}
	if err := w.start(t.Context()); err != nil || w.id() == id {
		t.Errorf("no new id: %v", err)
	}
}
