package journal

import (
	"errors"
	"fmt"
	"sync"
	"testing"
)

// Commands that are submitted are decided in the order of the calls, and those of one account that
// wait together share an entry.
func TestSubmittedCommandsShareAnEntry(t *testing.T) {
	tbl, _ := store(t)
	j, _ := open(t, tbl, newClock())
	openAccount(t, j, acct, 100)
	var running sync.WaitGroup
	release := stick(t, j, tbl, acct, &running)
	var all []*Pending
	for i := range 3 {
		p := j.newPending(command(acct, fmt.Sprint("k", i), crediting(1)))
		if err := j.Submit(p); err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	release()
	running.Wait()
	for i, p := range all {
		r, err := j.wait(t.Context(), p)
		if err != nil || r.Entry != p.Receipt.Entry || r.Entry != all[0].Receipt.Entry || r.Version != all[0].Receipt.Version+int64(i) {
			t.Errorf("command %d: %+v, %v", i, r, err)
		}
	}
}

// A command that is given up while it waits is never decided; of one that is being decided the
// outcome is unknown, and its Waiter is told.
func TestGivenUpCommandIsNotDecided(t *testing.T) {
	tbl, _ := store(t)
	j, _ := open(t, tbl, newClock())
	openAccount(t, j, acct, 100)
	before := len(history(t, j.Reader, acct))
	var running sync.WaitGroup
	release := stick(t, j, tbl, acct, &running)
	waits := j.newPending(command(acct, "waits", crediting(1)))
	if err := j.Submit(waits); err != nil {
		t.Fatal(err)
	}
	if err := j.GiveUp(waits); !errors.Is(err, ErrOverloaded) || j.queued(acct) != 0 {
		t.Errorf("%v, and %d commands wait", err, j.queued(acct))
	}
	release()
	running.Wait()
	last := j.newPending(command(acct, "last", crediting(1)))
	if err := j.Submit(last); err != nil {
		t.Fatal(err)
	}
	if _, err := j.wait(t.Context(), last); err != nil || len(waits.Waiter.(signal)) != 0 {
		t.Errorf("%v; told: %d", err, len(waits.Waiter.(signal)))
	}
	if err := j.GiveUp(last); !errors.Is(err, ErrOutcomeUnknown) {
		t.Errorf("%v, want ErrOutcomeUnknown", err)
	}
	if n := len(history(t, j.Reader, acct)); n != before+2 {
		t.Errorf("%d events were committed, not those of two commands", n-before)
	}
}
