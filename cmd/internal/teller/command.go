package teller

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"passbook/cmd/internal/cli"
	"passbook/shared/client"
	"passbook/shared/money"
)

// Command has the flags of every command that changes an account.
type Command struct {
	Flags
	IdempotencyKey string `name:"idempotency-key" placeholder:"KEY" help:"To repeat it without doing it twice [new]."`
	IfMatch        int64  `name:"if-match" placeholder:"VERSION" help:"Only if the account is at this version."`
	DryRun         bool   `name:"dry-run" help:"Only say what it would do."`
}

// send is the call that a command makes.
type send func(ctx context.Context, s *Session, options ...client.Option) (*client.Result, error)

// run sends a command and writes its answer.
func (c *Command) run(ctx context.Context, t *cli.Terminal, call send) error {
	return c.Call(ctx, t, func(ctx context.Context, s *Session) error {
		var raw []byte
		options := []client.Option{client.Body(&raw)}
		if c.IdempotencyKey != "" {
			options = append(options, client.Key(c.IdempotencyKey))
		}
		if c.IfMatch != 0 {
			options = append(options, client.IfMatch(c.IfMatch))
		}
		if c.DryRun {
			options = append(options, client.DryRun())
		}
		done, err := call(ctx, s, options...)
		if err != nil {
			return err
		}
		return c.show(t, raw, done)
	})
}

// show writes the answer to a command, or to its rehearsal. A rehearsal that is refused ends as the
// command would.
func (c *Command) show(t *cli.Terminal, raw []byte, done *client.Result) error {
	answer := &done.Answer
	if done.Rehearsed != nil {
		if done.Rehearsed.WouldBeStatus >= 300 {
			refused := &client.Problem{ProblemDocument: done.Rehearsed.ProblemDocument, Code: client.Code(strings.TrimPrefix(done.Rehearsed.ProblemDocument.Type, "/problems/"))}
			refused.Status = done.Rehearsed.WouldBeStatus
			if c.ForPeople() {
				return refused
			}
			return errors.Join(cli.One(t, c.Output, json.RawMessage(raw), nil), refused)
		}
		answer = &done.Rehearsed.Result
		fmt.Fprintln(t.Err, "dry run: nothing was stored; it would be:")
	}
	if done.Replayed {
		fmt.Fprintln(t.Err, "the key was used before: this is its first answer, and nothing was done again")
	}
	return writeObject(t, c.Output, raw, answer, answerColumns)
}

// answerColumns are the columns of an answer to a command.
var answerColumns = []cli.Column[*client.Answer]{
	{Name: "account", Value: func(a *client.Answer) any { return a.AccountID }},
	{Name: "version", Value: func(a *client.Answer) any { return a.Version }},
	{Name: "transaction", Value: func(a *client.Answer) any { return a.TransactionID }},
	{Name: "hold", Value: func(a *client.Answer) any { return a.HoldID }},
	{Name: "to", Value: func(a *client.Answer) any {
		if a.To == nil {
			return ""
		}
		return a.To.AccountID
	}},
	{Name: "posted", Value: func(a *client.Answer) any { return cli.Money{Minor: a.Balance.Posted, Currency: a.Balance.Currency} }},
	{Name: "held", Value: func(a *client.Answer) any { return cli.Money{Minor: a.Balance.Held, Currency: a.Balance.Currency} }},
	{Name: "limit", Value: func(a *client.Answer) any { return cli.Money{Minor: a.Balance.Limit, Currency: a.Balance.Currency} }},
	{Name: "available", Value: func(a *client.Answer) any {
		return cli.Money{Minor: a.Balance.Available, Currency: a.Balance.Currency}
	}},
	{Name: "currency", Value: func(a *client.Answer) any { return a.Balance.Currency }, OnlyCSV: true},
}

// writeObject writes an object that the bank answered: in JSON as it came, so that it has what this
// program does not know yet.
func writeObject[T any](t *cli.Terminal, o cli.Output, raw []byte, object T, columns []cli.Column[T]) error {
	if o.IsJSON() && json.Valid(raw) {
		return cli.One(t, o, json.RawMessage(bytes.TrimSpace(raw)), nil)
	}
	return cli.One(t, o, object, columns)
}

// Amount is an amount of money on the command line.
type Amount struct {
	Words    []string `arg:"" optional:"" name:"amount" help:"As 25.00 EUR."`
	Currency string   `name:"currency" placeholder:"CODE" help:"The amount's currency [the account's]."`
	Minor    *int64   `name:"minor" placeholder:"N" help:"The amount in minor units: 2500 is 25.00 EUR."`
}

// given reports whether there is an amount.
func (a *Amount) given() bool { return len(a.Words) > 0 || a.Minor != nil }

// book sends a command with the amount. It refuses an amount of the wrong form before the bank is
// called.
func (a *Amount) book(ctx context.Context, t *cli.Terminal, c *Command, account string,
	call func(ctx context.Context, s *Session, minor int64, currency string, options ...client.Option) (*client.Result, error),
) error {
	if err := a.check(); err != nil {
		return err
	}
	return c.run(ctx, t, func(ctx context.Context, s *Session, options ...client.Option) (*client.Result, error) {
		minor, currency, err := a.read(ctx, s, account)
		if err != nil {
			return nil, err
		}
		return call(ctx, s, minor, currency, options...)
	})
}

// read returns the amount in minor units and its currency. Where the command line has no currency,
// it is the account's, which the bank is asked for.
func (a *Amount) read(ctx context.Context, s *Session, account string) (minor int64, currency string, err error) {
	if err := a.check(); err != nil {
		return 0, "", err
	}
	currency = a.Currency
	if len(a.Words) == 2 {
		currency = a.Words[1]
	}
	if currency == "" {
		of, err := s.Account(ctx, account)
		if err != nil {
			return 0, "", err
		}
		currency = of.Currency
	}
	if a.Minor != nil {
		return *a.Minor, currency, nil
	}
	minor, err = money.ParseDecimal(a.Words[0], currency)
	if err != nil {
		return 0, "", cli.Fail(cli.ExitUsage, err, amountAdvice)
	}
	return minor, currency, nil
}

// amountAdvice says how amounts are written.
const amountAdvice = "write the amount as 25.00 EUR, or in minor units as --minor 2500"

// check refuses an amount that is not whole, before a bank is called.
func (a *Amount) check() error {
	a.Words = strings.Fields(strings.Join(a.Words, " "))
	var bad error
	switch {
	case !a.given():
		bad = errors.New("there is no amount")
	case len(a.Words) > 0 && a.Minor != nil:
		bad = errors.New("there are two amounts: one in words, one in --minor")
	case len(a.Words) > 2:
		bad = fmt.Errorf("%q is not an amount", strings.Join(a.Words, " "))
	case len(a.Words) == 2 && a.Currency != "" && a.Words[1] != a.Currency:
		bad = fmt.Errorf("the amount is in %s, and --currency says %s", a.Words[1], a.Currency)
	case len(a.Words) == 2 || len(a.Words) == 1 && a.Currency != "":
		_, bad = money.ParseDecimal(a.Words[0], cmp.Or(a.Currency, a.Words[len(a.Words)-1]))
	}
	if bad != nil {
		return cli.Fail(cli.ExitUsage, bad, amountAdvice)
	}
	return nil
}
