package writer

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

// A registration that got no answer is repeated under its id, and each later session has its own.
func TestUnansweredRegistrationIsRepeated(t *testing.T) {
	tbl := store(t)
	w := New(Config{Table: tbl, Lease: lease})
	tbl.Arm(&faults.Rule{Match: faults.On(control.Name), After: errLost}, 1)
	if err := w.begin(t.Context()); !errors.Is(err, errLost) {
		t.Fatal(err)
	}
	id := w.unanswered.id
	if err := w.begin(t.Context()); err != nil || w.ID() != id {
		t.Errorf("not taken over: %v", err)
	}
	if err := w.begin(t.Context()); err != nil || w.ID() == id {
		t.Errorf("no new id: %v", err)
	}
}

// Another process took the row for a dead writer's before the registration was repeated: the id is
// given up.
func TestUnansweredRegistrationThatIsDrainedIsGivenUp(t *testing.T) {
	tbl := store(t)
	w := New(Config{Table: tbl, Lease: lease})
	tbl.Arm(&faults.Rule{Match: faults.On(control.Name), After: errLost}, 1)
	if err := w.begin(t.Context()); !errors.Is(err, errLost) {
		t.Fatal(err)
	}
	id := w.unanswered.id
	drained := Row{ID: id, State: Draining, Began: time.Now()}
	if err := drained.Save(t.Context(), tbl); err != nil {
		t.Fatal(err)
	}
	if err := w.begin(t.Context()); !errors.Is(err, ErrLeaseLost) {
		t.Errorf("took over a row that is drained: %v", err)
	}
	if err := w.begin(t.Context()); err != nil || w.ID() == id {
		t.Errorf("no new id: %v", err)
	}
}

// mute loses every write of one session's row.
type mute struct {
	table.Table
	id string
}

func (m *mute) Put(ctx context.Context, p table.Put) error {
	if p.Row.SK == m.id {
		return errLost
	}
	return m.Table.Put(ctx, p)
}

func (m *mute) PutEach(ctx context.Context, puts []table.Put) []error {
	return table.PutApart(ctx, puts, 1, m.Put)
}

// Many lanes meet a registration that fails: they share one attempt, and its id is used when it can
// be made.
func TestNewSessionBeginsOnceForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tbl := store(t)
		m := &mute{Table: tbl}
		w := start(t, m)
		former := w.ID()
		m.id = former // no heartbeat renews it
		time.Sleep(lease)
		lost := tbl.Arm(&faults.Rule{Match: faults.On(control.Name), After: errLost}, 1)
		if _, err := w.Next(t.Context()); !errors.Is(err, errLost) {
			t.Fatalf("got %v", err)
		}
		if _, err := w.Next(t.Context()); !errors.Is(err, ErrLeaseLost) {
			t.Fatalf("the failure is not shared: %v", err)
		}
		time.Sleep(retryAfter)
		next, err := w.Next(t.Context())
		if err != nil || next.ID == former || next.N != 1 {
			t.Fatalf("%+v, %v", next, err)
		}
		rows, err := List(t.Context(), tbl)
		if err != nil || len(rows) != 2 || lost.Fired() != 1 {
			t.Fatalf("%d writers, %v, fired %d", len(rows), err, lost.Fired())
		}
	})
}

// The row says up to where every entry is done, and the row goes when all are.
func TestRowSaysWhatIsPublishedWithoutAGap(t *testing.T) {
	tbl := store(t)
	w := start(t, tbl)
	for range 3 {
		if _, err := w.Next(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for _, step := range []struct{ n, published int64 }{{3, 0}, {1, 1}, {7, 1}} {
		w.Done(w.ID(), step.n)
		if err := w.Renew(t.Context()); err != nil {
			t.Fatal(err)
		}
		rows, err := List(t.Context(), tbl)
		if err != nil || len(rows) != 1 || rows[0].Published != step.published {
			t.Fatalf("done %d: %+v, %v", step.n, rows, err)
		}
	}
	if err := w.Retire(t.Context()); err != nil {
		t.Fatal(err)
	}
	if rows, err := List(t.Context(), tbl); err != nil || len(rows) != 1 {
		t.Errorf("retired with entry 2 not done: %+v, %v", rows, err)
	}
	w.Done(w.ID(), 2)
	if err := w.Retire(t.Context()); err != nil {
		t.Fatal(err)
	}
	if rows, err := List(t.Context(), tbl); err != nil || len(rows) != 0 {
		t.Errorf("retired: %+v, %v", rows, err)
	}
}

// A heartbeat that got no answer is no lost lease, and proves nothing of when it was written.
func TestUnansweredHeartbeatDoesNotRenew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tbl := store(t)
		w := start(t, tbl)
		time.Sleep(3 * time.Second)
		tbl.Arm(&faults.Rule{Match: faults.On(control.Name), After: errLost}, 1)
		if err := w.Renew(t.Context()); !errors.Is(err, errLost) {
			t.Fatal(err)
		}
		for _, want := range []time.Duration{3 * time.Second, 0} {
			if err := w.Renew(t.Context()); err != nil {
				t.Fatal(err)
			}
			if silent, err := w.Silent(); err != nil || silent != want {
				t.Errorf("silent for %v, want %v: %v", silent, want, err)
			}
		}
	})
}

func TestRowsAreReadAsTheyWereWritten(t *testing.T) {
	tbl := store(t)
	live := Row{ID: "a", Epoch: 3, State: Live, Published: 9, Address: "10.0.0.1:99", Secret: "s"}
	hidden := Row{ID: "b", Epoch: 1, State: Live}
	drained := Row{ID: "c", Epoch: 4, State: Draining, Published: 2, Began: time.UnixMicro(1_750_000_000_000_001), Pass: 2, Sent: "3-4"}
	attributes := map[string]int{"a": 5, "b": 3, "c": 6}
	for _, r := range []Row{live, hidden, drained} {
		if err := control.Writers(tbl).Put(t.Context(), r.ID, r.attrs(), nil); err != nil {
			t.Fatal(err)
		}
		if n := len(r.attrs()); n != attributes[r.ID] {
			t.Errorf("%s has %d attributes, want %d", r.ID, n, attributes[r.ID])
		}
	}
	rows, err := List(t.Context(), tbl)
	if err != nil || len(rows) != 3 || rows[0] != live || rows[1] != hidden || rows[2] != drained {
		t.Fatalf("read %+v, %v", rows, err)
	}
	stale := rows[2]
	if err := rows[2].Save(t.Context(), tbl); err != nil || rows[2].Epoch != 5 {
		t.Fatalf("saved at epoch %d, %v", rows[2].Epoch, err)
	}
	if err := stale.Save(t.Context(), tbl); !errors.Is(err, table.ErrConditionFailed) || stale.Epoch != 4 {
		t.Errorf("saved over another's write: epoch %d, %v", stale.Epoch, err)
	}
	if err := stale.Delete(t.Context(), tbl); !errors.Is(err, table.ErrConditionFailed) {
		t.Errorf("deleted another's write: %v", err)
	}
}

// Others are sent commands while they live, take commands, and what is known of them is young.
func TestPeersAreThoseThatLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tbl := store(t)
		me := New(Config{Table: tbl, Lease: lease, Address: "me:1", Secret: "m"})
		other := New(Config{Table: tbl, Lease: lease, Address: "other:1", Secret: "o"})
		shy := start(t, tbl)
		for _, w := range []*Writer{me, other} {
			if err := w.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		peers := NewPeers(tbl, me.Owns)
		expect := func(why string, n int) {
			t.Helper()
			if got := peers.Others(); len(got) != n || n == 1 && got[0] != (Peer{other.ID(), "other:1", "o"}) {
				t.Errorf("%s: %+v", why, got)
			}
		}
		refresh := func() {
			t.Helper()
			if err := peers.Refresh(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		expect("nothing read yet", 0)
		refresh()
		expect("one other takes commands", 1)
		time.Sleep(peerSilence)
		expect("what is known is still young", 1)
		time.Sleep(time.Nanosecond)
		expect("what is known is old", 0)
		refresh()
		expect("its heartbeat has not moved", 0)
		if err := other.Renew(t.Context()); err != nil {
			t.Fatal(err)
		}
		refresh()
		expect("its heartbeat has moved", 1)
		other.Leave()
		if err := other.Renew(t.Context()); err != nil {
			t.Fatal(err)
		}
		refresh()
		expect("it has left", 0)
		if peers.Gone(shy.ID()) || !peers.Gone("nobody") || other.Self() != "" || me.Self() != me.ID() {
			t.Error("who is there is wrong")
		}
		if err := shy.Retire(t.Context()); err != nil {
			t.Fatal(err)
		}
		refresh()
		if !peers.Gone(shy.ID()) || peers.Published(shy.ID(), 1) {
			t.Error("a retired writer is still there")
		}
	})
}
