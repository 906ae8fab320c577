package demo

import (
	"context"
	"errors"
	"fmt"

	"passbook/shared/client"
)

// euro is the currency of the day.
const euro = "EUR"

// account is an account in the demo's books, in minor units.
type account struct {
	id, name            string
	posted, held, limit int64
	// frozen says that debits are frozen.
	frozen  bool
	version int64
	keys    int
}

func (a *account) available() int64 { return a.posted - a.held + a.limit }

// key makes the account's next idempotency key.
func (d *day) key(a *account) string {
	a.keys++
	return fmt.Sprintf("%s-%d", a.id, a.keys)
}

// command is a command of the client on an account of the books, under a key.
type command func(key client.Option) (*client.Result, error)

// send sends a command on an account, and records its version.
func (d *day) send(a *account, do command) (*client.Result, error) {
	d.commands++
	r, err := do(client.Key(d.key(a)))
	var refused *client.Problem
	switch {
	case errors.As(err, &refused) && refused.AccountVersion > 0:
		a.version = refused.AccountVersion
	case err == nil:
		a.version = r.Version
	}
	return r, reached(err)
}

// reached marks an error that no bank answered.
func reached(err error) error {
	var silent *client.Unreachable
	if errors.As(err, &silent) {
		return fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	return err
}

// agree compares an answer with the books, after the books were changed.
func agree(a *account, got client.AnswerBalance) error {
	want := client.AnswerBalance{Currency: euro, Posted: a.posted, Held: a.held, Limit: a.limit, Available: a.available()}
	if got != want {
		return fmt.Errorf("%w: %s at version %d is %+v, expected %+v", ErrDifference, a.id, a.version, got, want)
	}
	return nil
}

// open opens an account.
func (d *day) open(ctx context.Context, a *account, holder string, limit int64) error {
	r, err := d.send(a, func(key client.Option) (*client.Result, error) {
		return d.client.OpenAccount(ctx, client.Open{AccountID: a.id, Currency: euro, HolderRef: holder, Product: "current", CreditLimit: limit}, key)
	})
	switch {
	case err != nil:
		return err
	case r.Replayed:
		return ErrPlayed
	}
	a.limit = limit
	return agree(a, r.Balance)
}

// deposit brings money in from outside.
func (d *day) deposit(ctx context.Context, a *account, amount int64, reference string) error {
	r, err := d.send(a, func(key client.Option) (*client.Result, error) {
		return d.client.Credit(ctx, a.id, client.Credit{Amount: amount, Currency: euro, Kind: client.CreditKindDeposit, Reference: reference}, key)
	})
	if err != nil {
		return err
	}
	a.posted += amount
	d.outside += amount
	return agree(a, r.Balance)
}

// withdraw takes money out, and reports whether the bank declined it. A decision that the books do
// not expect is a difference.
func (d *day) withdraw(ctx context.Context, a *account, amount int64, kind client.WithdrawKind, reference string) (transaction string, declined *client.Problem, err error) {
	enough := amount <= a.available()
	r, err := d.send(a, func(key client.Option) (*client.Result, error) {
		return d.client.Withdraw(ctx, a.id, client.Withdraw{Amount: amount, Currency: euro, Kind: kind, Reference: reference}, key)
	})
	if declined, err = decision(a, enough, amount, err); err != nil || declined != nil {
		return "", declined, err
	}
	a.posted -= amount
	d.outside -= amount
	return r.TransactionID, nil, agree(a, r.Balance)
}

// hold reserves money for a card payment.
func (d *day) hold(ctx context.Context, a *account, amount int64, reference string) (hold string, declined *client.Problem, err error) {
	enough := amount <= a.available()
	r, err := d.send(a, func(key client.Option) (*client.Result, error) {
		return d.client.PlaceHold(ctx, a.id, client.Hold{Amount: amount, Currency: euro, Reference: reference}, key)
	})
	if declined, err = decision(a, enough, amount, err); err != nil || declined != nil {
		return "", declined, err
	}
	a.held += amount
	return r.HoldID, nil, agree(a, r.Balance)
}

// capture captures amount of a hold of held, and releases the rest.
func (d *day) capture(ctx context.Context, a *account, hold string, held, amount int64) error {
	r, err := d.send(a, func(key client.Option) (*client.Result, error) {
		return d.client.CaptureHold(ctx, a.id, hold, client.Capture{Amount: amount}, key) // what remains is released
	})
	if err != nil {
		return err
	}
	a.held -= held
	a.posted -= amount
	d.outside -= amount
	return agree(a, r.Balance)
}

// release releases a hold.
func (d *day) release(ctx context.Context, a *account, hold string, held int64) error {
	r, err := d.send(a, func(key client.Option) (*client.Result, error) {
		return d.client.ReleaseHold(ctx, a.id, hold, key)
	})
	if err != nil {
		return err
	}
	a.held -= held
	return agree(a, r.Balance)
}

// transfer moves money between two accounts of the bank.
func (d *day) transfer(ctx context.Context, from, to *account, amount int64, reference string) (declined *client.Problem, err error) {
	enough := amount <= from.available()
	r, err := d.send(from, func(key client.Option) (*client.Result, error) {
		return d.client.Transfer(ctx, client.Transfer{From: from.id, To: to.id, Amount: amount, Currency: euro, Reference: reference}, key)
	})
	if declined, err = decision(from, enough, amount, err); err != nil || declined != nil {
		return declined, err
	}
	if r.To == nil {
		return nil, fmt.Errorf("%w: the answer to a transfer names no receiver", ErrDifference)
	}
	from.posted -= amount
	to.posted += amount
	to.version = r.To.Version
	return nil, agree(from, r.Balance)
}

// setLimit changes the credit limit.
func (d *day) setLimit(ctx context.Context, a *account, limit int64, reason string) error {
	r, err := d.send(a, func(key client.Option) (*client.Result, error) {
		return d.client.SetCreditLimit(ctx, a.id, client.SetLimit{Limit: limit, Reason: reason, DecidedBy: "credit-desk"}, key)
	})
	if err != nil {
		return err
	}
	a.limit = limit
	return agree(a, r.Balance)
}

// reverse reverses a withdrawal.
func (d *day) reverse(ctx context.Context, a *account, transaction string, amount int64, reason string) error {
	r, err := d.send(a, func(key client.Option) (*client.Result, error) {
		return d.client.ReverseWithdrawal(ctx, a.id, transaction, client.ReverseWithdrawal{Reason: reason}, key)
	})
	if err != nil {
		return err
	}
	a.posted += amount
	d.outside += amount
	return agree(a, r.Balance)
}

// status freezes or unfreezes the account.
func (d *day) status(a *account, do command) error {
	r, err := d.send(a, do)
	if err != nil {
		return err
	}
	return agree(a, r.Balance)
}

// decision checks the outcome of a command that may be declined, for insufficient funds or a
// freeze: it is as expected, or a difference.
func decision(a *account, enough bool, amount int64, err error) (declined *client.Problem, _ error) {
	var refused *client.Problem
	if !errors.As(err, &refused) {
		if err == nil && (a.frozen || !enough) {
			return nil, fmt.Errorf("%w: %s gave %d with %d available, frozen: %t", ErrDifference, a.id, amount, a.available(), a.frozen)
		}
		return nil, err
	}
	switch {
	case a.frozen && refused.Code == client.CodeAccountFrozen:
		return refused, nil
	case !a.frozen && !enough && refused.Code == client.CodeInsufficientFunds && refused.Available != nil && *refused.Available == a.available() && refused.Shortfall == amount-a.available():
		return refused, nil
	}
	return nil, fmt.Errorf("%w: %s with %d available, frozen: %t, refused %d: %w", ErrDifference, a.id, a.available(), a.frozen, amount, err)
}
