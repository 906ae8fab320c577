package whatif

import (
	"cmp"
	"math/big"
	"slices"
	"sync"
	"time"

	"passbook/shared/event"
	"passbook/shared/money"
)

// maxDifferences bounds the differences that are listed; all are added up.
const maxDifferences = 10_000

// Report has the decisions that would differ by other rules. Accounts may be added concurrently;
// its fields are to be read after that.
type Report struct {
	// Accounts and Decisions count what was decided again, of all times that are reported.
	Accounts  int64 `json:"accounts"`
	Decisions int64 `json:"decisions"`
	// Differences counts them, and Totals has the money at stake, by currency and kind.
	Differences int64   `json:"differences"`
	Totals      []Total `json:"totals"`
	// List has the differences by account and version: the first 10,000 that were found.
	List []Difference `json:"list"`

	rules    Rules
	command  func(Asked) Command
	from, to time.Time

	mu     sync.Mutex
	totals map[Kind]*Total
}

// Kind is a kind of difference.
type Kind struct {
	Currency string `json:"currency"`
	// Operation is what was asked for, such as withdrawal or hold.
	Operation string `json:"operation"`
	// Decided is what was decided: accepted, declined or none; Would what would have been: refused
	// too.
	Decided string `json:"decided"`
	Would   string `json:"would"`
}

// Total adds up the differences of a kind.
type Total struct {
	Kind
	Count int64 `json:"count"`
	// AtStake is the sum of what the differences have at stake, in minor units.
	AtStake *money.Sum `json:"at_stake"`
}

// Difference is a decision that would differ.
type Difference struct {
	Tenant    string `json:"tenant"`
	AccountID string `json:"account_id"`
	// Version is the event that shows the decision.
	Version int64     `json:"version"`
	At      time.Time `json:"at"`
	Kind
	// Why is the problem code of what was not accepted, or would not be.
	Why string `json:"why,omitempty"`
	// Amount is what was decided on, WouldAmount what would have been, in minor units; 0 for none.
	Amount      int64 `json:"amount"`
	WouldAmount int64 `json:"would_amount"`
	// AtStake is the amount that would have moved or been held and was not, or the other way round.
	AtStake int64 `json:"at_stake"`
}

// NewReport makes a report on the decisions of a time, from one instant to before another; the zero
// time is no bound. The rules hold from each account's beginning. command makes the command of what
// is asked for.
func NewReport(r Rules, command func(Asked) Command, from, to time.Time) *Report {
	return &Report{rules: r, command: command, from: from, to: to, Totals: []Total{}, List: []Difference{}, totals: map[Kind]*Total{}}
}

// Account begins an account, whose entries are to be added from version 1 on.
func (r *Report) Account(of event.Account) *Account {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Accounts++
	return &Account{of: of, report: r}
}

// add compares what was decided on a command with what would have been.
func (r *Report) add(of event.Account, c command, would outcome) {
	if c.operation == Expire || c.at.Before(r.from) || !r.to.IsZero() && !c.at.Before(r.to) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if c.operation != NewFee {
		r.Decisions++
	}
	if c.verdict == would.verdict && (c.verdict != Accepted || c.amount == would.amount || c.setsLimit()) {
		return
	}
	d := Difference{
		Tenant: of.Tenant, AccountID: of.ID, Version: c.version, At: c.at, Why: cmp.Or(c.why, would.why),
		Kind:   Kind{Currency: c.currency, Operation: c.operation, Decided: c.verdict, Would: would.verdict},
		Amount: c.amount, WouldAmount: would.amount, AtStake: atStake(c.outcome, would),
	}
	r.Differences++
	if len(r.List) < maxDifferences {
		r.List = append(r.List, d)
	}
	total := r.totals[d.Kind]
	if total == nil {
		total = &Total{Kind: d.Kind, AtStake: new(money.Sum)}
		r.totals[d.Kind] = total
	}
	total.Count++
	total.AtStake.Add(&total.AtStake.Int, big.NewInt(d.AtStake))
}

// setsLimit reports whether the amount is a limit. That another one is set is the rule itself, and
// no decision that differs.
func (c command) setsLimit() bool { return c.operation == Open || c.operation == Limit }

// atStake returns by how much what was accepted differs.
func atStake(decided, would outcome) int64 {
	var was, is int64
	if decided.verdict == Accepted {
		was = decided.amount
	}
	if would.verdict == Accepted {
		is = would.amount
	}
	return max(was-is, is-was)
}

// End puts what was found in order. No account may be added after it.
func (r *Report) End() {
	for _, t := range r.totals {
		r.Totals = append(r.Totals, *t)
	}
	slices.SortFunc(r.Totals, func(a, b Total) int {
		return cmp.Or(cmp.Compare(a.Currency, b.Currency), cmp.Compare(a.Operation, b.Operation), cmp.Compare(a.Decided, b.Decided), cmp.Compare(a.Would, b.Would))
	})
	slices.SortStableFunc(r.List, func(a, b Difference) int {
		return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.AccountID, b.AccountID), cmp.Compare(a.Version, b.Version))
	})
}
