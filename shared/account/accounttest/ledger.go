package accounttest

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"passbook/shared/account"
	"passbook/shared/event"
	"passbook/shared/event/eventtest"
	"passbook/shared/money"
)

// T is what a Ledger needs of *testing.T and *rapid.T.
type T interface {
	Helper()
	Fatalf(format string, args ...any)
}

// Ledger is one account: its history, its state as Fold returns it, and the same numbers computed
// otherwise.
type Ledger struct {
	State  account.State
	Events []event.Event
	// Reversed are the transactions that were reversed, as a journal's guards would show.
	Reversed map[string]bool

	// The numbers, by nothing but addition over the events.
	credits, withdrawals, reversals, limit int64
	holds                                  map[string]*hold
	closed                                 bool
}

type hold struct{ placed, captured, released int64 }

// NewLedger returns the ledger of an account that does not exist yet.
func NewLedger() *Ledger {
	return &Ledger{Reversed: map[string]bool{}, holds: map[string]*hold{}}
}

// Take makes the decision on the state at now, twice, to see that it is a function; checks it;
// folds its events; and returns it.
func (l *Ledger) Take(t T, now time.Time, decide func(account.State, time.Time) account.Decision) account.Decision {
	t.Helper()
	before := clone(l.State)
	decision := decide(l.State, now)
	if again := decide(l.State, now); !reflect.DeepEqual(decision, again) {
		t.Fatalf("decided %+v, then %+v", decision, again)
	}
	if !reflect.DeepEqual(l.State, before) {
		t.Fatalf("the decision changed its state: %+v, was %+v", l.State, before)
	}
	if decision.Rejection != nil && len(decision.Events) > 0 {
		t.Fatalf("rejected with %d events", len(decision.Events))
	}
	if l.closed && len(decision.Events) > 0 {
		t.Fatalf("%T after the account was closed", decision.Events[0].Body)
	}
	for _, e := range decision.Events {
		l.take(t, e)
	}
	l.checkNumbers(t, decision)
	if len(decision.Events) > 0 {
		l.check(t, now)
	}
	return decision
}

// take folds an event and adds it up.
func (l *Ledger) take(t T, e event.Event) {
	t.Helper()
	before := clone(l.State)
	l.checkRules(t, e)
	next, err := account.Fold(l.State, e)
	if err != nil {
		t.Fatalf("%s: %v", e.Body.Type(), err)
	}
	if !reflect.DeepEqual(l.State, before) {
		t.Fatalf("the fold changed its state: %+v, was %+v", l.State, before)
	}
	l.State = next
	l.Events = append(l.Events, e)
	l.add(e)
}

// add adds the event's amounts to the numbers.
func (l *Ledger) add(e event.Event) {
	switch b := e.Body.(type) {
	case event.AccountOpened:
		l.limit = b.CreditLimit
	case event.MoneyCredited:
		l.credits += b.Amount
	case event.MoneyWithdrawn:
		l.withdrawals += b.Amount
	case event.HoldPlaced:
		l.holds[event.HoldID(e.Version)] = &hold{placed: b.Amount}
	case event.HoldCaptured:
		l.holds[b.HoldID].captured += b.Amount
	case event.HoldReleased:
		l.holds[b.HoldID].released += b.Amount
	case event.TransactionReversed:
		l.Reversed[b.OriginalTransactionID] = true
		if b.Direction == event.DirectionDebit {
			l.reversals -= b.Amount
		} else {
			l.reversals += b.Amount
		}
	case event.CreditLimitChanged:
		l.limit = b.After
	case event.AccountClosed:
		l.closed = true
	}
}

// checkRules checks what an event requires: funds, no freeze, an original that was not reversed.
func (l *Ledger) checkRules(t T, e event.Event) {
	t.Helper()
	available := l.posted() - l.held() + l.limit
	frozen := l.State.Frozen
	switch b := e.Body.(type) {
	case event.MoneyCredited:
		require(t, frozen != event.ScopeAll, "%s on an account frozen for all", b.Type())
	case event.MoneyWithdrawn:
		require(t, frozen != event.ScopeAll, "%s on an account frozen for all", b.Type())
		require(t, b.HoldID != "" || frozen == "", "%s on a frozen account", b.Type())
		require(t, b.HoldID != "" || b.Amount <= available, "%d withdrawn of %d", b.Amount, available)
	case event.WithdrawalDeclined:
		require(t, b.Amount > available, "%d declined of %d", b.Amount, available)
	case event.HoldPlaced:
		require(t, frozen == "", "%s on a frozen account", b.Type())
		require(t, b.Amount <= available, "%d held of %d", b.Amount, available)
	case event.TransactionReversed:
		require(t, frozen != event.ScopeAll, "%s on an account frozen for all", b.Type())
		require(t, !l.Reversed[b.OriginalTransactionID], "%s reversed again", b.OriginalTransactionID)
		unforced := b.Direction == event.DirectionDebit && !b.Forced
		require(t, !unforced || frozen == "" && b.Amount <= available, "%d reversed of %d, frozen %q", b.Amount, available, frozen)
	case event.CreditLimitChanged:
		require(t, frozen != event.ScopeAll || b.After < b.Before, "limit raised on an account frozen for all")
		require(t, b.Forced || b.After >= l.State.Drawn()+l.State.Reserved(), "limit %d below use", b.After)
	}
}

func require(t T, ok bool, format string, args ...any) {
	t.Helper()
	if !ok {
		t.Fatalf(format, args...)
	}
}

func (l *Ledger) posted() int64 { return l.credits - l.withdrawals + l.reversals }

func (l *Ledger) held() int64 {
	var sum int64
	for _, h := range l.holds {
		sum += h.placed - h.captured - h.released
	}
	return sum
}

// check checks what must be true after every command.
func (l *Ledger) check(t T, now time.Time) {
	t.Helper()
	s := l.State
	numbers := event.After{Posted: l.posted(), Held: l.held(), Limit: l.limit}
	require(t, numbers == event.After{Posted: s.Posted, Held: s.Held, Limit: s.Limit}, "added up %+v, folded %+v", numbers, s)
	require(t, s.Version == int64(len(l.Events)), "version %d after %d events", s.Version, len(l.Events))
	require(t, s.Drawn()+s.Reserved()+s.AvailableCredit() == s.Limit+s.OverLimit(), "identity: %+v", s)
	require(t, len(s.HoldsDue(now)) == 0 && !s.LimitDue(now), "something has expired and is still there: %+v", s)
	require(t, !l.closed || numbers == event.After{}, "closed with %+v", numbers)
	open := 0
	for id, h := range l.holds {
		left := h.placed - h.captured - h.released
		require(t, left >= 0, "%s: %+v", id, h)
		if left > 0 {
			open++
		}
	}
	require(t, open == len(s.Holds) && slices.IsSortedFunc(s.Holds, byVersion), "%d holds open, folded %+v", open, s.Holds)
}

// checkNumbers checks that a JSON reader with doubles keeps every number of the state or of the
// decision that an answer can contain.
func (l *Ledger) checkNumbers(t T, d account.Decision) {
	t.Helper()
	s := l.State
	bps, _ := s.UtilisationBps()
	numbers := map[string]int64{
		"posted": s.Posted, "held": s.Held, "limit": s.Limit, "available": s.Available(), "available_own": s.AvailableOwn(),
		"drawn": s.Drawn(), "reserved": s.Reserved(), "drawn and reserved": s.Drawn() + s.Reserved(), "available_credit": s.AvailableCredit(),
		"over_limit": s.OverLimit(), "utilisation_bps": bps,
	}
	for _, e := range d.Events {
		if b, ok := e.Body.(event.WithdrawalDeclined); ok {
			numbers["available of a decline"], numbers["shortfall"] = b.Available, b.Shortfall
		}
	}
	if d.Rejection != nil {
		for name, v := range d.Rejection.Details {
			numbers[name], _ = v.(int64)
		}
	}
	for name, v := range numbers {
		require(t, money.Balance(v), "%s is %d", name, v)
	}
}

func byVersion(a, b account.Hold) int { return int(a.Version - b.Version) }

// CheckCut folds the history up to the cut, writes the state as JSON and reads it, folds the rest,
// and compares.
func (l *Ledger) CheckCut(t T, cut int) {
	t.Helper()
	var s account.State
	for i, e := range l.Events {
		if i == cut && i > 0 {
			read, err := account.ParseState(account.AppendState(nil, s))
			require(t, err == nil && reflect.DeepEqual(read, s), "state at %d: read %+v, %v, want %+v", i, read, err, s)
			s = read
		}
		next, err := account.Fold(s, e)
		require(t, err == nil, "fold: %v", err)
		s = next
	}
	require(t, reflect.DeepEqual(s, l.State), "cut at %d: %+v, want %+v", cut, s, l.State)
}

// CheckEntries writes every event into an entry, as a journal would, and reads it back.
func (l *Ledger) CheckEntries(t T) {
	t.Helper()
	var prev event.Hash
	for _, e := range l.Events {
		entry := &event.Entry{
			Format: event.Format, Tenant: "main", AccountID: "A-1", First: e.Version, Last: e.Version, Currency: e.Currency,
			RecordedAt: e.RecordedAt, Prev: prev, Events: []event.Event{e},
			Commands: []event.Command{{First: e.Version, Last: e.Version, Status: 201}},
		}
		enc, err := event.Seal(entry, eventtest.Keys)
		require(t, err == nil, "seal: %v", err)
		read, err := event.DecodeRecord(enc.Record)
		require(t, err == nil && reflect.DeepEqual(read, entry), "read %+v, %v, want %+v", read, err, entry)
		prev = entry.Hash
	}
}

// Transaction returns the event with the id, nil where there is none, as a journal would read it.
func (l *Ledger) Transaction(id string) *event.Event {
	for i := range l.Events {
		if l.Events[i].TransactionID() == id {
			return &l.Events[i]
		}
	}
	return nil
}

// Placed reports whether the id is of a hold that was ever placed.
func (l *Ledger) Placed(id string) bool { return l.holds[id] != nil }

func clone(s account.State) account.State {
	s.Holds = slices.Clone(s.Holds)
	return s
}

// Describe returns the names of a decision's events, for the tables of tests: "HoldReleased,
// MoneyWithdrawn", or "!code".
func Describe(d account.Decision) string {
	if d.Rejection != nil {
		return "!" + d.Rejection.Code
	}
	var names []string
	for _, e := range d.Events {
		names = append(names, e.Body.Type())
	}
	return strings.Join(names, ", ")
}

// Numbers returns "posted/held/limit" of a state.
func Numbers(s account.State) string { return fmt.Sprintf("%d/%d/%d", s.Posted, s.Held, s.Limit) }

// Fields returns "/amount out-of-range, /currency required" of a command's shape.
func Fields(wrong []account.FieldError) string {
	var all []string
	for _, f := range wrong {
		all = append(all, f.Pointer+" "+f.Code)
	}
	return strings.Join(all, ", ")
}
