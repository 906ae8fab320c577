package journal

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"pgregory.net/rapid"

	"passbook/shared/account"
	"passbook/shared/event"
	"passbook/shared/faults"
	"passbook/shared/journal/dryrun"
	"passbook/shared/journal/keyindex"
	"passbook/shared/table"
)

// counted counts every write of the journal's table and returns how many there were.
func counted(tbl *faults.Table) (writes func() int64) {
	var n atomic.Int64
	tbl.Arm(&faults.Rule{Match: func(p table.Put) bool { return p.Table == Table }, Hook: func() { n.Add(1) }}, 1<<30)
	return n.Load
}

// step is one command of a random list, which any writer executes, as a dry run or not.
type step struct {
	writer  int
	command Command
	to      event.Account // of a transfer
	hold    string        // of a capture
	reverse string        // of a reversal
}

// do executes the step as the services do: what a reversal or a capture needs is read first.
func (s step) do(ctx context.Context, j *Journal, run *dryrun.Run) (Receipt, error) {
	c := s.command
	c.DryRun = run
	switch {
	case s.to != event.Account{}:
		t := transferOf(c.Key, 7)
		t.Command, t.To = c, s.to
		return j.Transfer(ctx, t)
	case s.reverse != "":
		original, reversed, err := j.Original(ctx, c, s.reverse)
		if err != nil {
			return Receipt{}, err
		}
		if original != nil {
			c.Reverses = original.Version
		}
		c.Decide = func(s account.State, now time.Time) account.Decision {
			d := account.NewDraft(s, now)
			if d.IsOpen() && d.IsTransaction(original, event.MoneyCredited{}) {
				d.Reverse(*original, reversed, event.Text{}, true)
			}
			return d.Decision()
		}
	case s.hold != "":
		placed, err := j.Placed(ctx, c, s.hold)
		if err != nil {
			return Receipt{}, err
		}
		c.Decide = func(state account.State, now time.Time) account.Decision {
			d := account.NewDraft(state, now)
			if d.IsOpen() {
				if hold, ok := d.ActiveHold(s.hold, placed); ok {
					d.Capture(hold, hold.Amount, true)
				}
			}
			return d.Decision()
		}
	}
	return j.Execute(ctx, c)
}

func drawStep(t *rapid.T, accounts []event.Account) step {
	a := rapid.IntRange(0, 1).Draw(t, "account")
	key := fmt.Sprint("k", rapid.IntRange(0, 12).Draw(t, "key"))
	s := step{writer: rapid.IntRange(0, 1).Draw(t, "writer")}
	amount, version := rapid.Int64Range(1, 60).Draw(t, "amount"), rapid.Int64Range(1, 12).Draw(t, "version")
	kind := rapid.IntRange(0, 8).Draw(t, "kind")
	s.command = command(accounts[a], key, withdrawing(amount))
	switch kind {
	case 0:
		s.command.Decide = func(s account.State, now time.Time) account.Decision {
			if s.Version > 0 {
				return account.Decision{Rejection: &account.Rejection{Code: account.CodeAccountExists}}
			}
			return opening()(s, now)
		}
	case 1, 2:
		s.command.Decide = crediting(amount)
	case 3:
		s.to = accounts[1-a]
	case 4:
		s.reverse = event.TransactionID(version)
	case 5:
		s.command.Decide = func(s account.State, now time.Time) account.Decision {
			d := account.NewDraft(s, now)
			if d.IsOpen() {
				d.PlaceHold(event.HoldPlaced{Amount: amount})
			}
			return d.Decision()
		}
	case 6:
		s.hold = event.HoldID(version)
	}
	// the same key with the same body now and then, else with another
	s.command.Request = RequestHash("test", accounts[a].ID, []byte{byte(kind)})
	if rapid.IntRange(0, 5).Draw(t, "if-match") == 0 {
		s.command.IfMatch = version
	}
	return s
}

// answer is what a caller learns from a receipt.
type answer struct {
	Status    int
	Events    []event.Event
	Replayed  bool
	Rejection *account.Rejection
	Version   int64
	Err       string
}

func answerOf(r Receipt, err error) answer {
	out := answer{Replayed: r.Replayed, Rejection: r.Rejection, Version: r.Version}
	if err != nil {
		out.Err = err.Error()
	}
	if r.Rejection != nil && r.Rejection.Code == account.CodeKeyReused {
		out.Version = 0 // a known key is answered without a look at the newest version
	}
	if r.Entry != nil {
		out.Status = r.Command.Status
		for _, ev := range r.Entry.EventsOf(r.Command) {
			ev.Command = 0
			out.Events = append(out.Events, ev)
		}
	}
	return out
}

// A dry run of a command, alone or within a dry run of all commands before it, tells what the
// command gets when it is executed next, by any writer; and nothing is stored, published or
// counted.
func TestDryRunTellsWhatTheCommandWillGet(t *testing.T) {
	tbl, _ := store(t)
	now := newClock()
	var journals [2]*Journal
	var outboxes [2]*outbox
	for i := range journals {
		journals[i], outboxes[i] = open(t, tbl, now)
	}
	writes := counted(tbl)
	round := 0
	rapid.Check(t, func(rt *rapid.T) {
		round++
		now.add(time.Minute)
		accounts := []event.Account{{Tenant: "main", ID: fmt.Sprint("A-", round)}, {Tenant: "main", ID: fmt.Sprint("B-", round)}}
		openAccount(t, journals[0], accounts[0], 50)
		if rapid.Bool().Draw(rt, "both are open") {
			openAccount(t, journals[1], accounts[1], 50)
		}
		before := func() string {
			return fmt.Sprint(writes(), counters(journals[0], outboxes[0]), counters(journals[1], outboxes[1]))
		}
		var steps []step
		for range rapid.IntRange(1, 12).Draw(rt, "commands") {
			steps = append(steps, drawStep(rt, accounts))
		}
		all, answers := &dryrun.Run{}, make([]answer, len(steps))
		was := before()
		for i, s := range steps {
			answers[i] = answerOf(s.do(t.Context(), journals[0], all))
		}
		if is := before(); is != was {
			rt.Fatalf("a dry run of %d commands: %s, before it %s", len(steps), is, was)
		}
		for i, s := range steps {
			was := before()
			alone := answerOf(s.do(t.Context(), journals[1-s.writer], &dryrun.Run{}))
			if is := before(); is != was {
				rt.Fatalf("a dry run: %s, before it %s", is, was)
			}
			got := answerOf(s.do(t.Context(), journals[s.writer], nil))
			if !reflect.DeepEqual(alone, got) {
				rt.Fatalf("command %d alone: announced %+v, got %+v", i, alone, got)
			}
			if !reflect.DeepEqual(answers[i], got) {
				rt.Fatalf("command %d after the others: announced %+v, got %+v", i, answers[i], got)
			}
		}
	})
}

// counters returns the journal's counters of commands, and how many entries that it committed it
// handed to the outbox: it may hand over again those that another writer just committed.
func counters(j *Journal, o *outbox) (counts []float64) {
	for _, c := range []prometheus.Counter{j.metrics.conflicts, j.metrics.replays} {
		counts = append(counts, testutil.ToFloat64(c))
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	own := 0
	for _, c := range o.got {
		if c.Writer == j.Writer() {
			own++
		}
	}
	return append(counts, float64(own))
}

// rehearsed returns the command as a dry run by itself.
func rehearsed(c Command) Command {
	c.DryRun = &dryrun.Run{}
	return c
}

// A dry run waits for the account's entry in flight and is decided on it.
func TestDryRunWaitsForTheEntryInFlight(t *testing.T) {
	tbl, _ := store(t)
	j, _ := open(t, tbl, newClock())
	openAccount(t, j, acct, 100)
	receipts, errs := together(t, tbl, j, command(acct, "first", withdrawing(90)), rehearsed(command(acct, "w", withdrawing(20))))
	if errs[0] != nil || receipts[0].Command.Status != 422 || receipts[0].Version != 4 || !receipts[0].Provisional {
		t.Fatalf("%+v, %v", receipts[0], errs[0])
	}
}

// A reversal that was committed after the dry run of another read the original is what the guard
// would have caught.
func TestDryRunSeesAReversalThatCameInBetween(t *testing.T) {
	tbl, _ := store(t)
	j, _ := open(t, tbl, newClock())
	openAccount(t, j, acct, 100)
	reversal := func(key string) Command {
		c := command(acct, key, crediting(1)) // its rules do not know of the other
		c.Reverses = 2
		return c
	}
	if r := execute(t, j, rehearsed(reversal("one"))); r.Rejection != nil || r.Command.Status != 201 {
		t.Fatalf("before: %+v", r)
	}
	accepted(t, j, reversal("two"))
	want := execute(t, j, reversal("one"))
	got := execute(t, j, rehearsed(reversal("one")))
	if got.Rejection == nil || got.Rejection.Code != account.CodeAlreadyReversed || !reflect.DeepEqual(want, got) {
		t.Fatalf("announced %+v, got %+v", got, want)
	}
}

// Declines of dry runs do not count, but those that are counted refuse a dry run's too, and so do
// those before it in the same run.
func TestDryRunCountsNoDeclines(t *testing.T) {
	tbl, _ := store(t)
	j, _ := open(t, tbl, newClock())
	openAccount(t, j, acct, 100)
	tooMuch := func(i int) Command { return command(acct, fmt.Sprint("d", i), withdrawing(1000)) }
	together := &dryrun.Run{}
	for i := range MaxDeclines + 1 {
		if _, err := tryExecute(t, j, rehearsed(tooMuch(i))); err != nil {
			t.Fatalf("alone, %d: %v", i, err)
		}
		c := tooMuch(i)
		c.DryRun = together
		if _, err := tryExecute(t, j, c); errors.Is(err, ErrRateLimited) != (i == MaxDeclines) {
			t.Fatalf("in one run, %d: %v", i, err)
		}
	}
	for i := range MaxDeclines {
		execute(t, j, tooMuch(i))
	}
	if _, err := tryExecute(t, j, rehearsed(tooMuch(MaxDeclines))); !errors.Is(err, ErrRateLimited) {
		t.Fatalf("after as many declines: %v", err)
	}
}

// What refuses every command refuses a dry run, except that a repeated key has its first answer.
func TestDryRunIsRefusedAsCommandsAre(t *testing.T) {
	tbl, _ := store(t)
	full := false
	j, err := Open(t.Context(), Config{Table: tbl, Outbox: &outbox{}, Now: newClock().now, Room: func() error {
		if full {
			return ErrStorageFull
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := j.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	openAccount(t, j, acct, 100)
	full = true
	if _, err := tryExecute(t, j, rehearsed(command(acct, "new", crediting(1)))); !errors.Is(err, ErrStorageFull) {
		t.Errorf("without room: %v", err)
	}
	if r := execute(t, j, rehearsed(command(acct, "fund-"+acct.ID, crediting(100)))); !r.Replayed || r.Provisional || r.Entry.Hash.IsZero() {
		t.Errorf("a key that is known: %+v", r)
	}
	full = false
	tbl.SetSkew(time.Hour)
	if _, err := tryExecute(t, j, rehearsed(command(acct, "new", crediting(1)))); !errors.Is(err, ErrClockSkew) {
		t.Errorf("with a clock that is off: %v", err)
	}
}

// A dry run on an account that is ahead of the clock is not reported as a command.
func TestDryRunReportsNoAccountThatIsAhead(t *testing.T) {
	tbl, _ := store(t)
	now := newClock()
	j, _ := open(t, tbl, now)
	now.add(time.Hour)
	openAccount(t, j, acct, 100)
	now.add(-time.Hour)
	if r := execute(t, j, rehearsed(command(acct, "dry", crediting(1)))); r.Rejection != nil || j.Clock() != nil {
		t.Errorf("%+v, reported: %v", r, j.Clock())
	}
	accepted(t, j, command(acct, "real", crediting(1)))
	if j.Clock() == nil {
		t.Error("a command is not reported")
	}
}

// A dry run that loads an account does not store the page of keys that it found missing.
func TestDryRunStoresNoPageOfKeys(t *testing.T) {
	tbl, _ := store(t)
	now := newClock()
	j, _ := open(t, tbl, now)
	openAccount(t, j, acct, 100)
	tbl.Arm(&faults.Rule{Match: func(p table.Put) bool { return p.Row.SK == keyindex.PageKey(acct, 0).SK }, Before: errors.New("no")}, 1<<30)
	for i := range keyindex.PageSpan {
		accepted(t, j, command(acct, fmt.Sprint("c", i), crediting(1)))
	}
	if err := j.Idle(t.Context()); err != nil { // its last attempt to store the page
		t.Fatal(err)
	}
	writes := counted(tbl)
	restarted, _ := open(t, tbl, now)
	if r := execute(t, restarted, rehearsed(command(acct, "c0", crediting(1)))); !r.Replayed {
		t.Fatalf("the key is not known: %+v", r)
	}
	if err := restarted.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if writes() != 0 {
		t.Errorf("%d writes", writes())
	}
}

// A dry run whose deadline comes while it is decided has certainly stored nothing.
func TestOutcomeOfADryRunIsNeverUnknown(t *testing.T) {
	tbl, _ := store(t)
	j, _ := open(t, tbl, newClock())
	openAccount(t, j, acct, 100)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	c := rehearsed(command(acct, "x", func(s account.State, now time.Time) account.Decision {
		cancel()
		<-ended
		return withdrawing(1)(s, now)
	}))
	_, err := j.Execute(ctx, c)
	close(ended)
	if !errors.Is(err, ErrUnavailable) || errors.Is(err, ErrOutcomeUnknown) {
		t.Errorf("%v", err)
	}
}

// What a command of a dry run reads of the account's history has what the commands before it would
// have made.
func TestDryRunReadsWhatItWouldHaveMade(t *testing.T) {
	tbl, _ := store(t)
	j, _ := open(t, tbl, newClock())
	openAccount(t, j, acct, 100)
	run := &dryrun.Run{}
	hold := step{command: command(acct, "hold", func(s account.State, now time.Time) account.Decision {
		d := account.NewDraft(s, now)
		d.PlaceHold(event.HoldPlaced{Amount: 5})
		return d.Decision()
	})}
	for _, s := range []struct {
		step step
		want string
	}{
		{step{command: command(acct, "credit", crediting(1))}, ""},
		{step{command: command(acct, "reverse", nil), reverse: "t3"}, ""},
		{step{command: command(acct, "reverse again", nil), reverse: "t3"}, account.CodeAlreadyReversed},
		{step{command: command(acct, "reverse a reversal", nil), reverse: "t4"}, account.CodeNotReversible},
		{hold, ""},
		{step{command: command(acct, "capture", nil), hold: "h5"}, ""},
		{step{command: command(acct, "capture again", nil), hold: "h5"}, account.CodeHoldNotActive},
		{step{command: command(acct, "capture another", nil), hold: "h9"}, account.CodeHoldNotFound},
		{step{command: command(acct, "reverse what is stored", nil), reverse: "t2"}, ""},
		{step{command: command(acct, "reverse another", nil), reverse: "t99"}, account.CodeTransactionNotFound},
	} {
		r, err := s.step.do(t.Context(), j, run)
		code := ""
		if r.Rejection != nil {
			code = r.Rejection.Code
		}
		if err != nil || code != s.want {
			t.Errorf("%s: %q, %v; want %q", s.step.command.Key, code, err, s.want)
		}
	}
	if events := history(t, j.Reader, acct); len(events) != 2 {
		t.Errorf("%d events are stored", len(events))
	}
}

// Once a run is full none of its commands is decided, also not one that would add nothing: it would
// be decided on a state without those that are missing.
func TestFullDryRunDecidesNothing(t *testing.T) {
	tbl, _ := store(t)
	j, _ := open(t, tbl, newClock())
	openAccount(t, j, acct, 100)
	run := new(dryrun.Memory).New("")
	run.Close()
	refused := command(acct, "refused", crediting(1))
	refused.IfMatch, refused.DryRun = 9, run
	if _, err := tryExecute(t, j, refused); !errors.Is(err, dryrun.ErrFull) {
		t.Errorf("a command: %v", err)
	}
	move := transferOf("x", 1)
	move.DryRun = run
	if _, err := tryTransfer(t, j, move); !errors.Is(err, dryrun.ErrFull) {
		t.Errorf("a transfer: %v", err)
	}
}
