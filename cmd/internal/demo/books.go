package demo

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"passbook/shared/api"
)

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

// send sends a command on an account, and records its version.
func (d *day) send(ctx context.Context, a *account, method, path string, body any) (receipt, error) {
	d.commands++
	r, err := d.client.command(ctx, method, path, d.key(a), body)
	if err != nil {
		var refused *problem
		if errors.As(err, &refused) && refused.AccountVersion > 0 {
			a.version = refused.AccountVersion
		}
		return r, err
	}
	a.version = r.Version
	return r, nil
}

// agree compares an answer with the books, after the books were changed.
func agree(a *account, got api.CommandBalance) error {
	want := api.CommandBalance{Currency: "EUR", Posted: a.posted, Held: a.held, Limit: a.limit, Available: a.available()}
	if got != want {
		return fmt.Errorf("%w: %s at version %d is %+v, expected %+v", ErrDifference, a.id, a.version, got, want)
	}
	return nil
}

// money is the body of a money command.
type money map[string]any

func euros(amount int64, more ...string) money {
	m := money{"amount": amount, "currency": "EUR"}
	for i := 0; i+1 < len(more); i += 2 {
		m[more[i]] = more[i+1]
	}
	return m
}

// open opens an account.
func (d *day) open(ctx context.Context, a *account, holder string, limit int64) error {
	r, err := d.send(ctx, a, http.MethodPost, "/v1/accounts", money{
		"account_id": a.id, "currency": "EUR", "holder_ref": holder, "product": "current", "credit_limit": limit,
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
	r, err := d.send(ctx, a, http.MethodPost, "/v1/accounts/"+a.id+"/credits", euros(amount, "kind", "deposit", "reference", reference))
	if err != nil {
		return err
	}
	a.posted += amount
	d.outside += amount
	return agree(a, r.Balance)
}

// withdraw takes money out, and reports whether the bank declined it. A decision that the books do
// not expect is a difference.
func (d *day) withdraw(ctx context.Context, a *account, amount int64, kind, reference string) (transaction string, declined *problem, err error) {
	enough := amount <= a.available()
	r, err := d.send(ctx, a, http.MethodPost, "/v1/accounts/"+a.id+"/withdrawals", euros(amount, "kind", kind, "reference", reference))
	if declined, err = decision(a, enough, amount, err); err != nil || declined != nil {
		return "", declined, err
	}
	a.posted -= amount
	d.outside -= amount
	return r.TransactionID, nil, agree(a, r.Balance)
}

// hold reserves money for a card payment.
func (d *day) hold(ctx context.Context, a *account, amount int64, reference string) (hold string, declined *problem, err error) {
	enough := amount <= a.available()
	r, err := d.send(ctx, a, http.MethodPost, "/v1/accounts/"+a.id+"/holds", euros(amount, "reference", reference))
	if declined, err = decision(a, enough, amount, err); err != nil || declined != nil {
		return "", declined, err
	}
	a.held += amount
	return r.HoldID, nil, agree(a, r.Balance)
}

// capture captures amount of a hold of held, and releases the rest.
func (d *day) capture(ctx context.Context, a *account, hold string, held, amount int64) error {
	r, err := d.send(ctx, a, http.MethodPost, "/v1/accounts/"+a.id+"/holds/"+hold+"/capture", money{"amount": amount, "final": true})
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
	r, err := d.send(ctx, a, http.MethodPost, "/v1/accounts/"+a.id+"/holds/"+hold+"/release", money{})
	if err != nil {
		return err
	}
	a.held -= held
	return agree(a, r.Balance)
}

// transfer moves money between two accounts of the bank.
func (d *day) transfer(ctx context.Context, from, to *account, amount int64, reference string) (declined *problem, err error) {
	enough := amount <= from.available()
	body := euros(amount, "from", from.id, "to", to.id, "reference", reference)
	r, err := d.send(ctx, from, http.MethodPost, "/v1/transfers", body)
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
	r, err := d.send(ctx, a, http.MethodPut, "/v1/accounts/"+a.id+"/credit-limit", money{
		"limit": limit, "reason": reason, "decided_by": "credit-desk",
	})
	if err != nil {
		return err
	}
	a.limit = limit
	return agree(a, r.Balance)
}

// reverse reverses a withdrawal.
func (d *day) reverse(ctx context.Context, a *account, transaction string, amount int64, reason string) error {
	r, err := d.send(ctx, a, http.MethodPost, "/v1/accounts/"+a.id+"/withdrawals/"+transaction+"/reversal", money{"reason": reason})
	if err != nil {
		return err
	}
	a.posted += amount
	d.outside += amount
	return agree(a, r.Balance)
}

// status freezes or unfreezes the account.
func (d *day) status(ctx context.Context, a *account, what string, body money) error {
	r, err := d.send(ctx, a, http.MethodPost, "/v1/accounts/"+a.id+"/"+what, body)
	if err != nil {
		return err
	}
	return agree(a, r.Balance)
}

// decision checks the outcome of a command that may be declined, for insufficient funds or a
// freeze: it is as expected, or a difference.
func decision(a *account, enough bool, amount int64, err error) (declined *problem, _ error) {
	var refused *problem
	if !errors.As(err, &refused) {
		if err == nil && (a.frozen || !enough) {
			return nil, fmt.Errorf("%w: %s gave %d with %d available, frozen: %t", ErrDifference, a.id, amount, a.available(), a.frozen)
		}
		return nil, err
	}
	switch {
	case a.frozen && refused.Code == "account-frozen":
		return refused, nil
	case !a.frozen && !enough && refused.Code == "insufficient-funds" && refused.Available == a.available() && refused.Shortfall == amount-a.available():
		return refused, nil
	}
	return nil, fmt.Errorf("%w: %s with %d available, frozen: %t, refused %d: %w", ErrDifference, a.id, a.available(), a.frozen, amount, err)
}
