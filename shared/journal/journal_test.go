package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"testing"
	"time"

	"passbook/shared/account"
	"passbook/shared/event"
	"passbook/shared/event/eventtest"
	"passbook/shared/faults"
	"passbook/shared/journal/rowkey"
	"passbook/shared/storetest"
	"passbook/shared/stream/pebblestream"
	"passbook/shared/table"
)

// store returns a table that outlives the journals opened on it, and the same without faults.
func store(t *testing.T) (*faults.Table, table.Table) {
	t.Helper()
	tbl := storetest.Memory(t, pebblestream.Options{}, Schemas...).Table
	return tbl, tbl.Table
}

// outbox remembers what it was given, and acknowledges it if told to.
type outbox struct {
	mu   sync.Mutex
	got  []Committed
	full bool
	acks *Journal
}

func (o *outbox) Publish(all ...Committed) {
	o.mu.Lock()
	o.got = append(o.got, all...)
	acks := o.acks
	o.mu.Unlock()
	if acks == nil {
		return
	}
	for _, c := range all {
		acks.Acked(c.Writer, c.N)
	}
}

func (o *outbox) Full() bool { o.mu.Lock(); defer o.mu.Unlock(); return o.full }

func (o *outbox) Pace(event.Account, func()) bool { return false }

func (o *outbox) firsts(t *testing.T) (firsts []int64) {
	t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, c := range o.got {
		e, err := event.DecodeRecord(c.Record)
		if err != nil {
			t.Fatal(err)
		}
		firsts = append(firsts, e.First)
	}
	return firsts
}

// clock is a clock that a test sets.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.at }

func (c *clock) add(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.at = c.at.Add(d) }

func open(t *testing.T, tbl table.Table, c *clock) (*Journal, *outbox) {
	t.Helper()
	o := &outbox{}
	j, err := Open(t.Context(), Config{Table: tbl, Outbox: o, Origin: eventtest.Origin{}, Now: c.now, Log: slog.New(slog.DiscardHandler)})
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
	return j, o
}

var acct = event.Account{Tenant: "main", ID: "A-1"}

// decideFunc is a command's rules.
type decideFunc = func(account.State, time.Time) account.Decision

func opening() decideFunc {
	return func(s account.State, now time.Time) account.Decision {
		d := account.NewDraft(s, now)
		d.Open("EUR", event.AccountOpened{Exponent: 2})
		return d.Decision()
	}
}

func crediting(amount int64) decideFunc {
	return func(s account.State, now time.Time) account.Decision {
		d := account.NewDraft(s, now)
		if d.IsOpen() {
			d.Credit(event.MoneyCredited{Amount: amount, Kind: event.KindDeposit}, d.Today())
		}
		return d.Decision()
	}
}

func withdrawing(amount int64) decideFunc {
	return func(s account.State, now time.Time) account.Decision {
		d := account.NewDraft(s, now)
		if d.IsOpen() {
			d.Debit(event.OpWithdraw, event.MoneyWithdrawn{Amount: amount, Kind: event.KindCash}, d.Today())
		}
		return d.Decision()
	}
}

func command(a event.Account, key string, decide decideFunc) Command {
	return Command{Account: a, Key: key, Request: RequestHash("test", a.ID, []byte(key)), Status: 201, CorrelationID: "c", Decide: decide}
}

func execute(t *testing.T, j *Journal, c Command) Receipt {
	t.Helper()
	r, err := tryExecute(t, j, c)
	if err != nil {
		t.Fatalf("execute %q: %v", c.Key, err)
	}
	return r
}

func tryExecute(t *testing.T, j *Journal, c Command) (Receipt, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	return j.Execute(ctx, c)
}

func accepted(t *testing.T, j *Journal, c Command) Receipt {
	t.Helper()
	r := execute(t, j, c)
	if r.Rejection != nil || r.Command.Status >= 300 {
		t.Fatalf("%q refused: %+v %d", c.Key, r.Rejection, r.Command.Status)
	}
	return r
}

func openAccount(t *testing.T, j *Journal, a event.Account, posted int64) {
	t.Helper()
	accepted(t, j, command(a, "open-"+a.ID, opening()))
	if posted > 0 {
		accepted(t, j, command(a, "fund-"+a.ID, crediting(posted)))
	}
}

// history checks that versions have no gap and that hashes chain, and returns the events.
func history(t *testing.T, r *Reader, a event.Account) (events []event.Event) {
	t.Helper()
	var prev event.Hash
	for e, err := range r.Entries(t.Context(), a, 1, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if e.First != int64(len(events))+1 || e.Prev != prev {
			t.Fatalf("entry %d: first %d after %d events, chained %v", e.First, e.First, len(events), e.Prev == prev)
		}
		prev = e.Hash
		events = append(events, e.Events...)
	}
	return events
}

func TestExecuteCommitsAnswersAndPublishes(t *testing.T) {
	tbl, _ := store(t)
	j, o := open(t, tbl, newClock())
	openAccount(t, j, acct, 100)
	r := accepted(t, j, command(acct, "w", withdrawing(30)))
	if got := r.Entry.EventsOf(r.Command); len(got) != 1 || got[0].After.Posted != 70 || r.Version != 3 || r.Replayed {
		t.Fatalf("receipt %+v, events %+v", r, got)
	}
	if got := o.firsts(t); fmt.Sprint(got) != "[1 2 3]" {
		t.Fatalf("published %v", got)
	}
	head, err := j.Head(t.Context(), acct)
	if err != nil || head.State.Posted != 70 || head.Hash != r.Entry.Hash {
		t.Fatalf("head %+v, %v", head, err)
	}
}

func TestParallelWithdrawalsNeverOverdraw(t *testing.T) {
	tbl, _ := store(t)
	c := newClock()
	writers := make([]*Journal, 3)
	for i := range writers {
		writers[i], _ = open(t, tbl, c)
	}
	openAccount(t, writers[0], acct, 100)
	var wg sync.WaitGroup
	var mu sync.Mutex
	statuses := map[int]int{}
	for i := range 50 {
		wg.Go(func() {
			for {
				r, err := tryExecute(t, writers[i%len(writers)], command(acct, fmt.Sprint("w", i), withdrawing(10)))
				if errors.Is(err, ErrContention) {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				statuses[r.Command.Status]++
				mu.Unlock()
				return
			}
		})
	}
	wg.Wait()
	if statuses[201] != 10 || statuses[422] != 40 {
		t.Fatalf("statuses %v", statuses)
	}
	events := history(t, writers[0].Reader, acct)
	if len(events) != 52 || events[51].After.Posted != 0 {
		t.Fatalf("%d events, ending at %+v", len(events), events[len(events)-1].After)
	}
}

// together executes commands of one account that wait for their lane at once, behind one whose put
// is delayed, and returns the outcome of each.
func together(t *testing.T, tbl *faults.Table, j *Journal, first Command, rest ...Command) ([]Receipt, []error) {
	t.Helper()
	gate, arrived := make(chan struct{}), make(chan struct{})
	tbl.Arm(&faults.Rule{Match: faults.On(Table), Hook: func() { close(arrived); <-gate }}, 1)
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := tryExecute(t, j, first); err != nil {
			t.Error(err)
		}
	})
	<-arrived // its put is under way; what comes now waits in the lane
	receipts, errs := make([]Receipt, len(rest)), make([]error, len(rest))
	for i, c := range rest {
		wg.Go(func() { receipts[i], errs[i] = tryExecute(t, j, c) })
	}
	waitFor(t, func() bool { return j.queued(first.Account) == len(rest) })
	close(gate)
	wg.Wait()
	return receipts, errs
}

func TestCommandsOnOneAccountShareEntries(t *testing.T) {
	tbl, _ := store(t)
	j, _ := open(t, tbl, newClock())
	openAccount(t, j, acct, 1000)
	var rest []Command
	for i := range 20 {
		rest = append(rest, command(acct, fmt.Sprint("w", i), withdrawing(1)))
	}
	_, errs := together(t, tbl, j, command(acct, "first", withdrawing(1)), rest...)
	if err := errors.Join(errs...); err != nil {
		t.Error(err)
	}
	entry, err := j.Entry(t.Context(), acct, 23)
	if err != nil || len(entry.Commands) != 20 || entry.First != 4 {
		t.Fatalf("entry %+v, %v", entry, err)
	}
}

func waitFor(t *testing.T, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); {
		if time.Now().After(deadline) {
			t.Fatal("condition did not come true")
		}
		<-time.After(time.Millisecond)
	}
}

func TestShortEntryFitsOneWriteUnit(t *testing.T) {
	tbl, _ := store(t)
	j, _ := open(t, tbl, newClock())
	a := event.Account{Tenant: "main", ID: "customer-0123456789"}
	openAccount(t, j, a, 1_000_000)
	c := command(a, "0123456789012345678901234567890123456789", func(s account.State, now time.Time) account.Decision {
		d := account.NewDraft(s, now)
		b := event.MoneyWithdrawn{Amount: 123456, Kind: event.KindCash, Reference: event.Text{Plain: "01234567890123456789012345678901"}}
		d.Debit(event.OpWithdraw, b, d.Today())
		return d.Decision()
	})
	c.CorrelationID, c.Actor = "01a9a4f2-6f1c-7c35-b58e-2c1f8e0e9f00", event.Text{Plain: "withdraw"}
	accepted(t, j, c)
	row, err := tbl.Get(t.Context(), Table, rowkey.Entry(a, 3), true)
	if err != nil {
		t.Fatal(err)
	}
	if size := table.Size(row); size > rowkey.WriteUnit {
		t.Fatalf("row of %d bytes", size)
	}
	if row.Attrs["mac"] == nil || row.Attrs["state"] == nil {
		t.Errorf("row of %d bytes without its mac or state", table.Size(row))
	}
}

// A writer whose bank is at format 1 writes what programs from before format 2 can read.
func TestEntriesAreOfTheFormatOfTheBank(t *testing.T) {
	tbl, _ := store(t)
	o := &outbox{}
	j, err := Open(t.Context(), Config{Table: tbl, Outbox: o, Now: newClock().now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	openAccount(t, j, acct, 100)
	if err := j.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	j, _ = open(t, tbl, newClock())
	accepted(t, j, command(acct, "k", func(s account.State, now time.Time) account.Decision {
		d := account.NewDraft(s, now)
		d.Credit(event.MoneyCredited{Amount: 1, Kind: event.KindDeposit}, d.Today())
		return d.Decision()
	}))
	formats := map[int64]int{}
	for e, err := range j.Entries(t.Context(), acct, 1, 0) {
		if err != nil {
			t.Fatal(err)
		}
		formats[e.First] = e.Format
		if e.Signed() && eventtest.Keys.Verify(e.Hash, e.MAC) != nil || !e.Signed() && !e.MAC.IsZero() {
			t.Errorf("v%d of format %d has mac %q", e.First, e.Format, e.MAC)
		}
	}
	if want := map[int64]int{1: 1, 2: 1, 3: 2}; !maps.Equal(formats, want) {
		t.Errorf("formats %v, want %v", formats, want)
	}
}

func TestRowsReadableAndExact(t *testing.T) {
	tbl, _ := store(t)
	j, _ := open(t, tbl, newClock())
	openAccount(t, j, acct, 100)
	row, err := tbl.Get(t.Context(), Table, rowkey.Entry(acct, 2), true)
	if err != nil {
		t.Fatal(err)
	}
	var events []map[string]any
	if err := json.Unmarshal([]byte(row.Attrs["events"].(table.S)), &events); err != nil || events[0]["type"] != "MoneyCredited" {
		t.Fatalf("events attribute: %v, %v", events, err)
	}
	for _, damage := range []func(table.Map){
		func(m table.Map) { m["currency"] = table.S("USD") },
		func(m table.Map) { m["recorded_at"] = table.S("2026-03-01T09:00:00.000001Z") },
		func(m table.Map) { m["prev"] = m["hash"] },
		func(m table.Map) { delete(m, "events") },
		func(m table.Map) { m["format"] = table.N(1) },
		func(m table.Map) { m["format"] = table.N(3) },
		func(m table.Map) { delete(m, "mac") },
		func(m table.Map) { m["mac"] = table.S("1:AA") },
	} {
		row, _ := tbl.Get(t.Context(), Table, rowkey.Entry(acct, 2), true)
		damage(row.Attrs)
		if e, err := rowkey.Parse(row); err == nil {
			t.Fatalf("a damaged row was read: %+v", e)
		}
	}
}
