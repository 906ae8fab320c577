package dryrun

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"passbook/shared/event"
)

var acct = event.Account{Tenant: "main", ID: "A-1"}

func entry(first int64, key string, bodies ...event.Body) *event.Entry {
	e := &event.Entry{Tenant: acct.Tenant, AccountID: acct.ID, First: first, Last: first + int64(len(bodies)) - 1, State: []byte(fmt.Sprint("state ", first))}
	for i, b := range bodies {
		e.Events = append(e.Events, event.Event{Version: first + int64(i), Body: b})
	}
	e.Commands = []event.Command{{Key: key, First: e.First, Last: e.Last}}
	return e
}

// A run answers for what was added, on its account alone, with the newest state.
func TestRunAnswersForWhatWasAdded(t *testing.T) {
	run := &Run{}
	for _, e := range []*event.Entry{
		entry(7, "a", event.MoneyCredited{Amount: 1}, event.HoldPlaced{Amount: 1}),
		entry(9, "", event.WithdrawalDeclined{Amount: 1}),
		entry(10, "b", event.TransactionReversed{OriginalTransactionID: "t7"}),
	} {
		if err := run.Add(e); err != nil {
			t.Fatal(err)
		}
	}
	if head := run.Head(acct); head == nil || head.Last != 10 || string(head.State) != "state 10" {
		t.Errorf("head %+v", head)
	}
	for version, want := range map[int64]bool{6: false, 7: true, 8: true, 10: true, 11: false} {
		if ev := run.Event(acct, version); (ev != nil) != want || want && ev.Version != version {
			t.Errorf("v%d: %+v", version, ev)
		}
	}
	if e := run.Entry(acct, "a"); e == nil || e.First != 7 || run.Entry(acct, "") != nil || run.Entry(acct, "c") != nil {
		t.Errorf("entry of a: %+v", e)
	}
	if !run.Reversed(acct, 7) || run.Reversed(acct, 8) || run.Declines(acct) != 1 {
		t.Error("reversed or declines")
	}
	other := event.Account{Tenant: "other", ID: acct.ID}
	for name, r := range map[string]*Run{"another account": run, "no run": nil, "an empty run": {}} {
		if r.Head(other) != nil || r.Entry(other, "a") != nil || r.Event(other, 7) != nil || r.Reversed(other, 7) || r.Declines(other) != 0 {
			t.Errorf("%s knows something", name)
		}
	}
}

// A full run takes no more commands, also no small ones: what it does not know would make those
// after it wrong. The states before the newest do not count.
func TestFullRunTakesNoMore(t *testing.T) {
	run := &Run{}
	version := int64(0)
	add := func(state int) error {
		version++
		e := entry(version, "", event.MoneyCredited{Amount: 1})
		e.State = []byte(strings.Repeat("s", state))
		return run.Add(e)
	}
	for range 1000 {
		if err := add(64 << 10); err != nil {
			t.Fatalf("v%d: %v", version, err)
		}
	}
	for range MaxBytes / 400 {
		if err := add(0); err != nil {
			break
		}
	}
	for range 2 {
		if err := add(0); !errors.Is(err, ErrFull) {
			t.Errorf("v%d: %v", version, err)
		}
	}
	if version < 10_000 {
		t.Errorf("full after %d commands", version)
	}
}

// Runs of one memory share it, of which a holder has half, and a run that is closed gives its part
// back.
func TestRunsShareTheMemoryOfTheProcess(t *testing.T) {
	var memory Memory
	// versions fills a run and returns how many entries it has
	versions := func(holder string) (n int64, run *Run) {
		run = memory.New(holder)
		for run.Add(entry(n+1, "", event.MoneyCredited{Amount: 1})) == nil {
			n++
		}
		return n, run
	}
	var runs []*Run
	for _, tt := range []struct {
		holder string
		least  int64
	}{{"a", 10_000}, {"a", 10_000}, {"a", 0}, {"b", 10_000}, {"b", 10_000}, {"c", 0}} {
		n, run := versions(tt.holder)
		if n < tt.least || tt.least == 0 && n > 10 || !errors.Is(run.Err(), ErrFull) {
			t.Errorf("a run of %s: %d entries, %v", tt.holder, n, run.Err())
		}
		runs = append(runs, run)
	}
	runs[0].Close()
	for _, holder := range []string{"b", "c"} {
		if n, _ := versions(holder); (n > 10_000) != (holder == "c") {
			t.Errorf("after a run of a was closed, %s has %d entries", holder, n)
		}
	}
	if runs[0].Head(acct) != nil || !errors.Is(runs[0].Add(entry(1, "", event.MoneyCredited{Amount: 1})), ErrFull) {
		t.Error("a closed run takes commands")
	}
}
