package whatif

import (
	"fmt"
	"time"

	"passbook/shared/account"
	"passbook/shared/event"
)

// Account decides the commands of one account again. It is used by one goroutine.
type Account struct {
	of     event.Account
	report *Report
	// state is what the other rules make of the account.
	state account.State
	// holds are the open holds of the history whose version is another one here: 0 for a hold that
	// would not have been placed.
	holds map[int64]int64
	// amounts are those of the history's transactions that are others here: 0 for one that would
	// not have been made.
	amounts map[int64]int64
}

// State returns the account's state by the other rules, after the entries that were added.
func (a *Account) State() account.State { return a.state }

// Add decides the commands of the account's next entry again.
func (a *Account) Add(e *event.Entry) error {
	for events := e.Events; len(events) > 0; {
		n := 1
		for n < len(events) && events[n].Command == events[0].Command {
			n++
		}
		if err := a.again(commandOf(events[:n])); err != nil {
			return fmt.Errorf("what-if: %s v%d: %w", a.of, events[0].Version, err)
		}
		events = events[n:]
	}
	return nil
}

// again decides a command again, and takes the new fee for what it withdraws.
func (a *Account) again(c command) error {
	would, err := a.decide(a.asked(c), c.at)
	if err != nil {
		return err
	}
	a.report.add(a.of, c, would)
	a.note(c, would)
	fee := a.report.rules.newFee(a.state.Currency, a.state.Product, c.kind, would.amount)
	if fee == 0 || would.verdict != Accepted {
		return nil
	}
	charged, err := a.decide(Asked{Operation: NewFee, Amount: fee, Currency: a.state.Currency, Kind: event.KindFee}, c.at)
	if err != nil {
		return err
	}
	c.operation, c.verdict, c.why, c.amount = NewFee, None, "", 0
	a.report.add(a.of, c, charged)
	return nil
}

// decide has what is asked for decided, and folds the events.
func (a *Account) decide(is Asked, at time.Time) (outcome, error) {
	if is.Operation == Fee && is.Amount == 0 {
		return outcome{verdict: None}, nil
	}
	d := a.report.command(is).Decide(a.state, at)
	if d.Rejection != nil {
		return outcome{verdict: Refused, why: d.Rejection.Code, amount: is.Amount}, nil
	}
	if len(d.Events) == 0 { // nothing has expired
		return outcome{verdict: Accepted}, nil
	}
	for _, e := range d.Events {
		var err error
		if a.state, err = account.Fold(a.state, e); err != nil {
			return outcome{}, err
		}
	}
	return commandOf(d.Events).outcome, nil
}

// note notes what later commands of the history refer to and is another one here.
func (a *Account) note(c command, would outcome) {
	for _, version := range c.ended {
		delete(a.holds, version)
	}
	if c.verdict != Accepted {
		return
	}
	if would.verdict != Accepted {
		would = outcome{}
	}
	if c.operation == Hold && would.version != c.version {
		put(&a.holds, c.version, would.version)
	}
	if c.paid != 0 && would.amount != c.amount {
		put(&a.amounts, c.paid, would.amount)
	}
}

func put(in *map[int64]int64, version, value int64) {
	if *in == nil {
		*in = map[int64]int64{}
	}
	(*in)[version] = value
}
