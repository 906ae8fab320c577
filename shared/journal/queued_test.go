package journal

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"passbook/shared/event"
	"passbook/shared/faults"
)

// stick keeps the account's lane in a put until the function that it returns is called.
func stick(t *testing.T, j *Journal, tbl *faults.Table, a event.Account, running *sync.WaitGroup) (release func()) {
	t.Helper()
	putting, gate := make(chan struct{}), make(chan struct{})
	tbl.Arm(&faults.Rule{Match: faults.On(Table), Hook: func() { close(putting); <-gate }}, 1)
	running.Go(func() {
		if _, err := tryExecute(t, j, command(a, "stuck", crediting(1))); err != nil {
			t.Error(err)
		}
	})
	<-putting
	return func() { close(gate) }
}

// A transfer has its place when it is in the queues of both accounts: a command that comes to
// either account after that is decided after it, and one that comes before that may not be.
func TestTransferIsQueuedOnBothAccounts(t *testing.T) {
	for _, stuck := range []event.Account{acct, b2} {
		t.Run(stuck.ID+" is busy", func(t *testing.T) {
			tbl, _ := store(t)
			j, _ := open(t, tbl, newClock())
			openAccount(t, j, acct, 100)
			openAccount(t, j, b2, 100)
			var running sync.WaitGroup
			release := stick(t, j, tbl, stuck, &running)
			placed := make(chan struct{})
			var placings atomic.Int64
			tr := transferOf("x", 10)
			tr.Queued = func() {
				if placings.Add(1) == 1 {
					close(placed)
				}
			}
			running.Go(func() {
				if _, err := tryTransfer(t, j, tr); err != nil {
					t.Error(err)
				}
			})
			waitFor(t, func() bool { return j.queued(stuck) == 1 })
			// the first of the two lanes: the second does not know of the transfer yet
			if stuck == acct {
				if placings.Load() != 0 {
					t.Error("the transfer has a place in one queue, and says that it has both")
				}
				release()
			}
			<-placed
			var later sync.WaitGroup
			for _, a := range []event.Account{acct, b2} {
				later.Go(func() {
					if _, err := tryExecute(t, j, command(a, "later", crediting(1))); err != nil {
						t.Error(err)
					}
				})
			}
			if stuck == b2 {
				waitFor(t, func() bool { return j.queued(b2) == 2 })
				// a command waits behind the transfer, and both lanes run
				if queued, lanes := testutil.ToFloat64(j.metrics.queued), testutil.ToFloat64(j.metrics.running); queued < 2 || lanes != 2 {
					t.Errorf("%v commands wait by the metrics, in %v lanes", queued, lanes)
				}
				release()
			}
			running.Wait()
			later.Wait()
			if err := j.Idle(t.Context()); err != nil {
				t.Error(err)
			}
			if queued, lanes := testutil.ToFloat64(j.metrics.queued), testutil.ToFloat64(j.metrics.running); queued != 0 || lanes != 0 {
				t.Errorf("%v commands wait by the metrics, in %v lanes, and all are done", queued, lanes)
			}
			for _, a := range []event.Account{acct, b2} {
				events := history(t, j.Reader, a)
				newest, leg := events[len(events)-1], events[len(events)-2]
				if in, ok := newest.Body.(event.MoneyCredited); !ok || in.Kind == event.KindTransferIn {
					t.Errorf("%s ends with %+v, after %+v", a.ID, newest.Body, leg.Body)
				}
			}
			if placings.Load() != 1 {
				t.Errorf("told %d times", placings.Load())
			}
		})
	}
}

// A command that was on its way to its lane when the journal was closed is refused there: Close has
// waited for the lanes already, and waits for none that begins later.
func TestNoLaneOfAClosedJournalTakesACommand(t *testing.T) {
	tbl, _ := store(t)
	j, _ := open(t, tbl, newClock())
	j.Stop()
	if err := j.shards[j.shardOf(acct)].push(j, acct, j.newPending(command(acct, "o", opening()))); !errors.Is(err, ErrShuttingDown) {
		t.Errorf("%v, want ErrShuttingDown", err)
	}
}
