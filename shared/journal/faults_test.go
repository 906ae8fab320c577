package journal

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/account"
	"passbook/shared/control"
	"passbook/shared/event"
	"passbook/shared/faults"
	"passbook/shared/journal/restorer"
	"passbook/shared/table"
	"passbook/shared/writer"
)

var errLost = errors.New("the answer was lost")

func TestUnansweredPutIsResolvedByReading(t *testing.T) {
	for name, rule := range map[string]*faults.Rule{
		"it happened":        {Match: faults.On(Table), After: errLost},
		"it did not happen":  {Match: faults.On(Table), Before: errLost},
		"throttled":          {Match: faults.On(Table), Before: table.ErrThrottled},
		"transaction raced":  {Match: faults.On(Table), Before: table.ErrConflict},
		"deadline, happened": {Match: faults.On(Table), After: context.DeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			tbl, _ := store(t)
			j, o := open(t, tbl, newClock())
			openAccount(t, j, acct, 100)
			tbl.Arm(rule, 3)
			accepted(t, j, command(acct, "w1", withdrawing(10)))
			accepted(t, j, command(acct, "w2", withdrawing(10)))
			if rule.Fired() == 0 {
				t.Fatal("the fault did not fire")
			}
			events := history(t, j.Reader, acct)
			if len(events) != 4 || events[3].After.Posted != 80 {
				t.Fatalf("%d events", len(events))
			}
			if got := o.firsts(t); fmt.Sprint(got) != "[1 2 3 4]" {
				t.Fatalf("published %v", got)
			}
		})
	}
}

// Another writer's entry is put between our decision and our put.
func TestConflictIsDecidedAgain(t *testing.T) {
	tbl, _ := store(t)
	c := newClock()
	a, o := open(t, tbl, c)
	b, _ := open(t, tbl, c)
	openAccount(t, a, acct, 100)
	raced := tbl.Arm(&faults.Rule{Match: faults.On(Table), Hook: func() {
		accepted(t, b, command(acct, "b", withdrawing(95)))
	}}, 1)
	r := execute(t, a, command(acct, "a", withdrawing(10)))
	if raced.Fired() != 1 || r.Command.Status != 422 || r.Command.First != 4 {
		t.Fatalf("fired %d, receipt %+v", raced.Fired(), r.Command)
	}
	if got := o.firsts(t); fmt.Sprint(got) != "[1 2 3 4]" {
		t.Fatalf("what others committed just now is published first; published %v", got)
	}
}

func TestSameKeyGetsTheOutcomeThatWasUnknown(t *testing.T) {
	tbl, _ := store(t)
	j, _ := open(t, tbl, newClock())
	openAccount(t, j, acct, 100)
	putting, gate := make(chan struct{}), make(chan struct{})
	tbl.Arm(&faults.Rule{Match: faults.On(Table), Hook: func() { close(putting); <-gate }}, 1)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		_, err := j.Execute(ctx, command(acct, "w", withdrawing(10)))
		done <- err
	}()
	<-putting
	cancel()
	if err := <-done; !errors.Is(err, ErrOutcomeUnknown) {
		t.Fatalf("got %v", err)
	}
	close(gate)
	if r := execute(t, j, command(acct, "w", withdrawing(10))); !r.Replayed || r.Command.First != 3 {
		t.Fatalf("repeat: %+v", r)
	}
}

func TestClockSkewIsRefused(t *testing.T) {
	tbl, _ := store(t)
	c := newClock()
	j, _ := open(t, tbl, c)
	openAccount(t, j, acct, 100)
	c.add(-4 * time.Second)
	if r := accepted(t, j, command(acct, "ok", withdrawing(1))); r.Entry.RecordedAt.Before(newClock().at) {
		t.Fatalf("recorded_at fell to %v", r.Entry.RecordedAt)
	}
	tbl.SetSkew(-6 * time.Second)
	if _, err := tryExecute(t, j, command(acct, "w", withdrawing(1))); !errors.Is(err, ErrClockSkew) {
		t.Fatalf("off the table's clock: %v", err)
	}
	if r := execute(t, j, command(acct, "ok", withdrawing(1))); !r.Replayed {
		t.Fatalf("a key that was answered: %+v", r)
	}
}

func TestFullOutboxAndClosedJournalRefuse(t *testing.T) {
	tbl, _ := store(t)
	j, o := open(t, tbl, newClock())
	o.full = true
	if _, err := tryExecute(t, j, command(acct, "o", opening())); !errors.Is(err, ErrOverloaded) {
		t.Fatalf("got %v", err)
	}
	o.full = false
	j.Stop()
	if _, err := tryExecute(t, j, command(acct, "o", opening())); !errors.Is(err, ErrShuttingDown) {
		t.Fatalf("got %v", err)
	}
}

func TestWriterSavesWhatIsPublishedWithoutGap(t *testing.T) {
	tbl, _ := store(t)
	j, _ := open(t, tbl, newClock())
	openAccount(t, j, acct, 100) // n = 1, 2
	accepted(t, j, command(acct, "w", withdrawing(1)))
	w := j.Writer()
	j.Acked(w, 1)
	j.Acked(w, 3)
	published := func() table.N {
		if err := j.writer.Renew(t.Context()); err != nil {
			t.Fatal(err)
		}
		row, err := control.Writers(tbl).Get(t.Context(), w)
		if err != nil {
			t.Fatal(err)
		}
		return row.Attrs["published"].(table.N)
	}
	if n := published(); n != 1 {
		t.Fatalf("published %d with 2 missing", n)
	}
	j.Acked(w, 2)
	if n := published(); n != 3 {
		t.Fatalf("published %d", n)
	}
}

func TestWriterThatLostItsLeaseTakesANewID(t *testing.T) {
	tbl, _ := store(t)
	j, o := open(t, tbl, newClock())
	openAccount(t, j, acct, 100)
	before := j.Writer()
	row, err := control.Writers(tbl).Get(t.Context(), before)
	if err != nil {
		t.Fatal(err)
	}
	epoch := row.Attrs["epoch"].(table.N)
	row.Attrs["state"], row.Attrs["epoch"] = table.S(writer.Draining), epoch+100
	for tbl.Put(t.Context(), table.Put{Table: control.Name, Row: row, If: table.Equals("epoch", epoch)}) != nil {
		epoch++
	}
	if err := j.writer.Renew(t.Context()); !errors.Is(err, writer.ErrLeaseLost) {
		t.Fatalf("renewed a drained lease: %v", err)
	}
	r := accepted(t, j, command(acct, "w", withdrawing(1)))
	if r.Entry.Writer == before || r.Entry.N != 1 || j.Writer() != r.Entry.Writer {
		t.Fatalf("wrote as %q n %d", r.Entry.Writer, r.Entry.N)
	}
	if len(o.firsts(t)) != 3 {
		t.Fatal("not published")
	}
}

var b2 = event.Account{Tenant: "main", ID: "B-2"}

func transferOf(key string, amount int64) Transfer {
	leg := func(s account.State, now time.Time, emit func(*account.Draft)) account.Decision {
		d := account.NewDraft(s, now)
		if d.IsOpen() {
			emit(d)
		}
		return d.Decision()
	}
	return Transfer{
		Command: command(acct, key, nil), To: b2,
		DecideFrom: func(from, to account.State, contra string, now time.Time) account.Decision {
			return leg(from, now, func(d *account.Draft) {
				if to.Status == "" {
					d.Reject(account.CodeAccountNotFound, nil)
				}
				d.Debit(event.OpTransfer, event.MoneyWithdrawn{Amount: amount, Kind: event.KindTransferOut, Contra: contra}, d.Today())
			})
		},
		DecideTo: func(to account.State, contra string, now time.Time) account.Decision {
			return leg(to, now, func(d *account.Draft) {
				d.Credit(event.MoneyCredited{Amount: amount, Kind: event.KindTransferIn, Contra: contra}, d.Today())
			})
		},
	}
}

func tryTransfer(t *testing.T, j *Journal, tr Transfer) (Receipt, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	return j.Transfer(ctx, tr)
}

func TestTransferIsBothLegsOrNeither(t *testing.T) {
	tbl, _ := store(t)
	j, o := open(t, tbl, newClock())
	openAccount(t, j, acct, 100)
	if r, err := tryTransfer(t, j, transferOf("early", 1)); err != nil || r.Rejection == nil || r.Rejection.Code != account.CodeAccountNotFound {
		t.Fatalf("to nobody: %+v, %v", r, err)
	}
	from := transferOf("from", 1)
	from.Command, from.To = command(b2, "from", nil), acct
	if r, err := tryTransfer(t, j, from); err != nil || r.Rejection == nil || r.Rejection.Code != account.CodeAccountNotFound {
		t.Fatalf("from nobody: %+v, %v", r, err)
	}
	openAccount(t, j, b2, 5)
	r, err := tryTransfer(t, j, transferOf("t", 40))
	if err != nil || r.Command.Status != 201 {
		t.Fatalf("%+v, %v", r, err)
	}
	paid, got := history(t, j.Reader, acct), history(t, j.Reader, b2)
	out, in := paid[2].Body.(event.MoneyWithdrawn), got[2].Body.(event.MoneyCredited)
	if out.Contra != "B-2:3" || in.Contra != "A-1:3" || paid[2].After.Posted != 60 || got[2].After.Posted != 45 {
		t.Fatalf("legs %+v and %+v", paid[2], got[2])
	}
	entry, _ := j.Entry(t.Context(), b2, 3)
	if entry.Commands[0].Key != "" || entry.Causation(entry.Events[0]) != "A-1:3" || !entry.RecordedAt.Equal(r.Entry.RecordedAt) {
		t.Fatalf("to's entry %+v", entry)
	}
	if r, err := tryTransfer(t, j, transferOf("t", 40)); err != nil || !r.Replayed {
		t.Fatalf("repeat: %+v, %v", r, err)
	}
	if r, err := tryTransfer(t, j, transferOf("big", 1000)); err != nil || r.Command.Status != 422 {
		t.Fatalf("declined: %+v, %v", r, err)
	}
	if len(history(t, j.Reader, acct)) != 4 || len(history(t, j.Reader, b2)) != 3 {
		t.Fatal("a decline is from's alone")
	}
	if n := len(o.firsts(t)); n != 7 {
		t.Fatalf("%d published", n)
	}
}

func TestTransfersUnderFaultsAndContentionConserveMoney(t *testing.T) {
	tbl, _ := store(t)
	c := newClock()
	writers := []*Journal{}
	for range 2 {
		j, _ := open(t, tbl, c)
		writers = append(writers, j)
	}
	openAccount(t, writers[0], acct, 1000)
	openAccount(t, writers[0], b2, 1000)
	rule := tbl.Arm(&faults.Rule{Match: faults.On(Table), After: errLost}, 20)
	back := func(key string) Transfer {
		tr := transferOf(key, 3)
		tr.Command, tr.To = command(b2, key, nil), acct
		return tr
	}
	var wg sync.WaitGroup
	for i := range 60 {
		wg.Go(func() {
			tr := transferOf(fmt.Sprint("t", i), 2)
			if i%2 == 0 {
				tr = back(fmt.Sprint("t", i))
			}
			for {
				_, err := tryTransfer(t, writers[i/2%2], tr)
				if err == nil {
					return
				}
				if !errors.Is(err, ErrContention) {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	a, b := history(t, writers[0].Reader, acct), history(t, writers[0].Reader, b2)
	if len(a) != 62 || len(b) != 62 || a[61].After.Posted != 1000+30 || b[61].After.Posted != 1000-30 {
		t.Fatalf("%d and %d events, ending at %+v and %+v", len(a), len(b), a[len(a)-1].After, b[len(b)-1].After)
	}
	if rule.Fired() == 0 {
		t.Fatal("no answer was lost")
	}
}

// A rejection for the other account's state is answered only while that is its newest state.
func TestTransferIsRefusedByTheNewestStateOfTheOther(t *testing.T) {
	tbl, _ := store(t)
	c := newClock()
	a, _ := open(t, tbl, c)
	b, _ := open(t, tbl, c)
	openAccount(t, a, acct, 100)
	if r, err := tryTransfer(t, a, transferOf("t", 40)); err != nil || r.Rejection == nil {
		t.Fatalf("to nobody: %+v, %v", r, err)
	}
	openAccount(t, b, b2, 0) // a's lane does not know of it
	if r, err := tryTransfer(t, a, transferOf("t", 40)); err != nil || r.Rejection != nil || r.Command.Status != 201 {
		t.Fatalf("refused by what the other was: %+v, %v", r.Rejection, err)
	}
}

// A transfer that waits for a busy account ends with its caller's deadline: its own account
// continues, and nothing happens later.
func TestTransferGivesUpAnAccountThatIsBusy(t *testing.T) {
	tbl, _ := store(t)
	j, _ := open(t, tbl, newClock())
	openAccount(t, j, acct, 100)
	openAccount(t, j, b2, 100)
	putting, gate := make(chan struct{}), make(chan struct{})
	tbl.Arm(&faults.Rule{Match: faults.On(Table), Hook: func() { close(putting); <-gate }}, 1)
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := tryExecute(t, j, command(b2, "stuck", withdrawing(1))); err != nil {
			t.Error(err)
		}
	})
	<-putting
	ctx, cancel := context.WithCancel(t.Context())
	wg.Go(func() {
		if r, err := j.Transfer(ctx, transferOf("t", 40)); !errors.Is(err, ErrOverloaded) && !errors.Is(err, ErrOutcomeUnknown) {
			t.Errorf("%+v, %v", r, err)
		}
	})
	waitFor(t, func() bool { return j.queued(b2) == 1 })
	cancel()
	accepted(t, j, command(acct, "w", withdrawing(1)))
	close(gate)
	wg.Wait()
	if from, to := history(t, j.Reader, acct), history(t, j.Reader, b2); len(from) != 3 || len(to) != 3 {
		t.Errorf("%d and %d events", len(from), len(to))
	}
}

func reversalOf(key string, original event.Event) Command {
	c := command(acct, key, func(s account.State, now time.Time) account.Decision {
		d := account.NewDraft(s, now)
		d.Reverse(original, false, event.Text{}, false)
		return d.Decision()
	})
	c.Reverses = original.Version
	return c
}

func TestReversalHappensOnce(t *testing.T) {
	tbl, _ := store(t)
	c := newClock()
	a, _ := open(t, tbl, c)
	b, _ := open(t, tbl, c)
	openAccount(t, a, acct, 100)
	original, _, err := a.Event(t.Context(), acct, 2)
	if err != nil {
		t.Fatal(err)
	}
	lost := tbl.Arm(&faults.Rule{Match: faults.On(Table), After: errLost}, 1)
	var wg sync.WaitGroup
	var mu sync.Mutex
	got := map[string]int{}
	for i := range 8 {
		wg.Go(func() {
			r, err := tryExecute(t, []*Journal{a, b}[i%2], reversalOf(fmt.Sprint("r", i), original))
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err != nil:
				t.Error(err)
			case r.Rejection != nil:
				got[r.Rejection.Code]++
			default:
				got[fmt.Sprint(r.Command.Status)]++
			}
		})
	}
	wg.Wait()
	// The losers see the guard, or, once their state has the reversal, that the money is gone.
	if got["201"] != 1 || got["already-reversed"]+got["422"] != 7 || lost.Fired() != 1 {
		t.Fatalf("outcomes %v, fired %d", got, lost.Fired())
	}
	if done, err := a.Reversed(t.Context(), acct, 2); err != nil || !done {
		t.Fatalf("guard: %v, %v", done, err)
	}
}

func TestRestoreGivesTheJournalBack(t *testing.T) {
	tbl, _ := store(t)
	c := newClock()
	j, _ := open(t, tbl, c)
	openAccount(t, j, acct, 100)
	original, _, _ := j.Event(t.Context(), acct, 2)
	accepted(t, j, reversalOf("r", original))
	other, _ := store(t)
	restorer := restorer.New(other)
	var s account.State
	for e, err := range j.Entries(t.Context(), acct, 1, 0) {
		if err != nil {
			t.Fatal(err)
		}
		for _, ev := range e.Events {
			if s, err = account.Fold(s, ev); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 2 {
			if lacks, err := restorer.Lacks(t.Context(), e, s); err != nil || lacks != (i == 0) {
				t.Fatalf("lacks: %v, %v", lacks, err)
			}
			if err := restorer.Restore(t.Context(), e, s); err != nil {
				t.Fatal(err)
			}
		}
	}
	restored, _ := open(t, other, c)
	if done, err := restored.Reversed(t.Context(), acct, 2); err != nil || !done {
		t.Fatalf("guard: %v, %v", done, err)
	}
	was, _ := j.Head(t.Context(), acct)
	is, err := restored.Head(t.Context(), acct)
	if err != nil || is.Hash != was.Hash || is.State.Posted != was.State.Posted || is.State.Version != was.State.Version {
		t.Fatalf("head %+v, was %+v: %v", is, was, err)
	}
	accepted(t, restored, command(acct, "on", crediting(1)))
	if r := execute(t, restored, command(acct, "fund-A-1", crediting(100))); !r.Replayed {
		t.Fatal("keys are lost")
	}
	accounts, _, err := restored.Accounts(t.Context(), acct.HashBucket(), "")
	if err != nil || len(accounts) != 1 {
		t.Fatalf("accounts %v, %v", accounts, err)
	}
}

// If-Match is about from's version; to's does not matter.
func TestTransferWithIfMatchHasBothLegs(t *testing.T) {
	tbl, _ := store(t)
	j, _ := open(t, tbl, newClock())
	openAccount(t, j, acct, 100)
	openAccount(t, j, b2, 0)
	tr := transferOf("t", 40)
	tr.IfMatch = 2
	if r, err := tryTransfer(t, j, tr); err != nil || r.Command.Status != 201 {
		t.Fatalf("%+v, %v", r, err)
	}
	from, to := history(t, j.Reader, acct), history(t, j.Reader, b2)
	if from[len(from)-1].After.Posted != 60 || to[len(to)-1].After.Posted != 40 {
		t.Fatalf("from %+v, to %+v", from[len(from)-1].After, to[len(to)-1].After)
	}
	stale := transferOf("u", 1)
	stale.IfMatch = 2
	if r, err := tryTransfer(t, j, stale); err != nil || r.Rejection == nil || r.Rejection.Code != account.CodeVersionMismatch {
		t.Fatalf("%+v, %v", r, err)
	}
}

// A sweep that was decided on what this writer knew is decided again on what others have committed
// since.
func TestNothingToDoIsConfirmed(t *testing.T) {
	tbl, _ := store(t)
	c := newClock()
	a, _ := open(t, tbl, c)
	b, _ := open(t, tbl, c)
	openAccount(t, a, acct, 100)
	accepted(t, b, command(acct, "hold", func(s account.State, now time.Time) account.Decision {
		d := account.NewDraft(s, now)
		d.PlaceHold(event.HoldPlaced{Amount: 10, ExpiresAt: now.Add(time.Minute)})
		return d.Decision()
	}))
	c.add(2 * time.Minute)
	sweep := Command{Account: acct, Status: 200, Decide: func(s account.State, now time.Time) account.Decision {
		d := account.NewDraft(s, now)
		d.ReleaseExpired()
		return d.Decision()
	}}
	if r := execute(t, a, sweep); r.Entry == nil || len(r.Entry.Events) != 1 {
		t.Fatalf("the hold was not seen: %+v", r)
	}
}

// readFails makes the index-th query of the journal from now fail. Those of the control table come
// when a heartbeat is due.
type readFails struct {
	table.Table
	mu    sync.Mutex
	after int
}

func (f *readFails) Query(ctx context.Context, q table.Query) (table.Page, error) {
	if q.Table != Table {
		return f.Table.Query(ctx, q)
	}
	f.mu.Lock()
	f.after--
	fails := f.after == 0
	f.mu.Unlock()
	if fails {
		return table.Page{}, errors.New("no answer")
	}
	return f.Table.Query(ctx, q)
}

// A load that fails half way does not count: the next one publishes what the first did not reach.
func TestFailedLoadIsDoneAgain(t *testing.T) {
	for fails := 1; ; fails++ {
		tbl, _ := store(t)
		c := newClock()
		a, _ := open(t, tbl, c)
		openAccount(t, a, acct, 100)
		reads := &readFails{Table: apart{tbl}, after: fails}
		b, o := open(t, reads, c)
		_, err := tryExecute(t, b, command(acct, "w1", withdrawing(1)))
		if err == nil {
			if fails == 1 {
				t.Fatal("no read failed")
			}
			return
		}
		if !errors.Is(err, ErrUnavailable) {
			t.Fatalf("read %d: %v", fails, err)
		}
		accepted(t, b, command(acct, "w2", withdrawing(1)))
		if got := o.firsts(t); fmt.Sprint(got) != "[1 2 3]" {
			t.Fatalf("after read %d failed, published %v", fails, got)
		}
	}
}

// A repeated key whose first answer cannot be read is not decided a second time.
func TestRepeatWhoseAnswerCannotBeReadIsRefused(t *testing.T) {
	tbl, _ := store(t)
	reads := &readFails{Table: tbl}
	j, _ := open(t, reads, newClock())
	openAccount(t, j, acct, 100)
	accepted(t, j, command(acct, "w", withdrawing(30)))
	reads.mu.Lock()
	reads.after = 1
	reads.mu.Unlock()
	if r, err := tryExecute(t, j, command(acct, "w", withdrawing(30))); !errors.Is(err, ErrUnavailable) {
		t.Errorf("%+v, %v", r.Command, err)
	}
	if r := execute(t, j, command(acct, "w", withdrawing(30))); !r.Replayed || r.Command.First != 3 {
		t.Errorf("repeat: %+v", r.Command)
	}
	if n := len(history(t, j.Reader, acct)); n != 3 {
		t.Errorf("%d events", n)
	}
}

func TestCommandThatNoEntryCanStoreIsRefusedAlone(t *testing.T) {
	tbl, _ := store(t)
	j, _ := open(t, tbl, newClock())
	openAccount(t, j, acct, 100)
	bad := command(acct, "bad", crediting(1))
	bad.CorrelationID = "\xff"
	if _, err := tryExecute(t, j, bad); err == nil {
		t.Fatal("accepted")
	}
	accepted(t, j, command(acct, "good", crediting(1)))
}

// Accounts that were idle longest are dropped from memory, and loaded again with their keys when a
// command comes.
func TestForgottenAccountsComeBackWithTheirKeys(t *testing.T) {
	tbl, _ := store(t)
	o := &outbox{}
	j, err := Open(t.Context(), Config{Table: tbl, Outbox: o, Accounts: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := j.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	const accounts = 500
	for i := range accounts {
		openAccount(t, j, event.Account{Tenant: "main", ID: fmt.Sprint("A-", i)}, 5)
	}
	if n := len(j.shards[0].lanes); n > 3 {
		t.Fatalf("a shard keeps %d lanes", n)
	}
	for i := range accounts {
		a := event.Account{Tenant: "main", ID: fmt.Sprint("A-", i)}
		if r := execute(t, j, command(a, "fund-"+a.ID, crediting(5))); !r.Replayed {
			t.Fatalf("%s: the key is forgotten", a.ID)
		}
	}
}

func TestAbandonedCommandsLeaveTheQueue(t *testing.T) {
	tbl, _ := store(t)
	j, _ := open(t, tbl, newClock())
	openAccount(t, j, acct, 100)
	putting, gate := make(chan struct{}), make(chan struct{})
	tbl.Arm(&faults.Rule{Match: faults.On(Table), Hook: func() { close(putting); <-gate }}, 1)
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := tryExecute(t, j, command(acct, "stuck", withdrawing(1))); err != nil {
			t.Error(err)
		}
	})
	<-putting
	ctx, cancel := context.WithCancel(t.Context())
	var abandoned sync.WaitGroup
	for i := range 100 {
		abandoned.Go(func() {
			if _, err := j.Execute(ctx, command(acct, fmt.Sprint("late", i), withdrawing(1))); !errors.Is(err, ErrOverloaded) {
				t.Errorf("got %v", err)
			}
		})
	}
	waitFor(t, func() bool { return j.queued(acct) == 100 })
	cancel()
	abandoned.Wait()
	if n := j.queued(acct); n != 0 {
		t.Errorf("%d abandoned commands still wait", n)
	}
	close(gate)
	wg.Wait()
	if n := len(history(t, j.Reader, acct)); n != 3 {
		t.Fatalf("%d events: what was abandoned happened", n)
	}
}

// Idle returns with the end of the last command in progress, and not before.
func TestIdleWaitsForCommandsInProgress(t *testing.T) {
	tbl, _ := store(t)
	j, _ := open(t, tbl, newClock())
	openAccount(t, j, acct, 100)
	putting, gate := make(chan struct{}), make(chan struct{})
	tbl.Arm(&faults.Rule{Match: faults.On(Table), Hook: func() { close(putting); <-gate }}, 1)
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := tryExecute(t, j, command(acct, "w", withdrawing(1))); err != nil {
			t.Error(err)
		}
	})
	<-putting
	wg.Go(func() {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if err := j.Idle(ctx); err != nil {
			t.Error(err)
		}
	})
	waitFor(t, func() bool {
		s := &j.shards[j.shardOf(acct)]
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.rested != nil
	})
	impatient, cancel := context.WithCancel(t.Context())
	cancel()
	if err := j.Idle(impatient); !errors.Is(err, context.Canceled) {
		t.Errorf("idle with a command in progress: %v", err)
	}
	close(gate)
	wg.Wait()
}

func (j *Journal) queued(a event.Account) int {
	s := &j.shards[j.shardOf(a)]
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.lanes[a].queue)
}

func TestLeaseShorterThanAPutIsRefused(t *testing.T) {
	tbl, _ := store(t)
	if _, err := Open(t.Context(), Config{Table: tbl, Outbox: &outbox{}, Lease: 2 * time.Second}); err == nil {
		t.Fatal("accepted")
	}
}

// muted loses every write of one writer's row, and those of new writers while new is set.
type muted struct {
	table.Table
	id  atomic.Pointer[string]
	new atomic.Bool
}

func (m *muted) Put(ctx context.Context, p table.Put) error {
	if p.Table == control.Name && (p.Row.SK == *m.id.Load() || m.new.Load()) {
		return errLost
	}
	return m.Table.Put(ctx, p)
}

func (m *muted) PutEach(ctx context.Context, puts []table.Put) []error {
	return table.PutApart(ctx, puts, 1, m.Put)
}

// Without a session nothing is committed, and the next command finds a new one when one can begin.
func TestNothingIsCommittedWithoutASession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tbl, _ := store(t)
		m, nobody := &muted{Table: tbl}, ""
		m.id.Store(&nobody)
		j, _ := open(t, m, newClock())
		openAccount(t, j, acct, 100)
		former := j.Writer()
		m.id.Store(&former) // no heartbeat renews it
		m.new.Store(true)
		time.Sleep(j.config.Lease)
		for _, key := range []string{"a", "b"} {
			if _, err := tryExecute(t, j, command(acct, key, withdrawing(1))); !errors.Is(err, ErrUnavailable) {
				t.Fatalf("got %v", err)
			}
		}
		m.new.Store(false)
		time.Sleep(time.Second)
		if r := accepted(t, j, command(acct, "c", withdrawing(1))); r.Entry.Writer == former || r.Entry.N != 1 {
			t.Errorf("wrote as %q n %d", r.Entry.Writer, r.Entry.N)
		}
		m.id.Store(&nobody)
	})
}

// A table that refuses the writer has written nothing: the caller gets an answer at once, and the
// counter is done. After a put that got no answer nothing is sure, and a refusal decides nothing.
func TestRefusedPutIsDefiniteUnlessAnEarlierOneGotNoAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tbl, _ := store(t)
		j, _ := open(t, tbl, newClock())
		openAccount(t, j, acct, 100)
		refused := tbl.Arm(&faults.Rule{Match: faults.On(Table), Before: table.ErrRefused}, 1)
		if _, err := j.Execute(t.Context(), command(acct, "w1", withdrawing(10))); !errors.Is(err, ErrUnavailable) || refused.Fired() != 1 {
			t.Fatalf("refused %d times: %v", refused.Fired(), err)
		}
		if err := j.Ready(); !errors.Is(err, table.ErrRefused) {
			t.Errorf("ready says %v", err)
		}
		accepted(t, j, command(acct, "w1", withdrawing(10)))
		if err := j.Ready(); err != nil {
			t.Error(err)
		}
		var then *faults.Rule
		lost := tbl.Arm(&faults.Rule{Match: faults.On(Table), After: errLost, Hook: func() {
			then = tbl.Arm(&faults.Rule{Match: faults.On(Table), Before: table.ErrRefused}, 3)
		}}, 1)
		accepted(t, j, command(acct, "w2", withdrawing(10)))
		if lost.Fired() != 1 || then.Fired() != 3 {
			t.Errorf("%d answers lost, %d refused", lost.Fired(), then.Fired())
		}
		if events := history(t, j.Reader, acct); len(events) != 4 || events[3].After.Posted != 80 {
			t.Errorf("%d events", len(events))
		}
	})
}
