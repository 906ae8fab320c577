package teller

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"passbook/cmd/internal/cli"
	"passbook/shared/client"
)

// CreditCommand puts money into an account.
type CreditCommand struct {
	Account string `arg:"" help:"Account id."`
	Amount
	Kind string `name:"kind" placeholder:"KIND" help:"deposit, repayment, interest or adjustment [deposit]."`
	Details
	Command
}

// Details are what a transaction has besides its amount.
type Details struct {
	Reference   string `name:"reference" placeholder:"TEXT" help:"What the account's owner reads."`
	Contra      string `name:"contra" placeholder:"NAME" help:"The contra account in the bank's books."`
	EffectiveAt string `name:"effective-at" placeholder:"DATE" help:"The value date, as 2026-11-30 [today]."`
}

// Help returns the example.
func (CreditCommand) Help() string {
	return "Example:\n\n  bank credit A-1 100.00 EUR --reference salary"
}

// Run credits.
func (c *CreditCommand) Run(ctx context.Context, t *cli.Terminal) error {
	return c.book(ctx, t, &c.Command, c.Account, func(ctx context.Context, s *Session, minor int64, currency string, options ...client.Option) (*client.Result, error) {
		return s.Credit(ctx, c.Account, client.Credit{
			Amount: minor, Currency: currency, Kind: client.CreditKind(c.Kind), Reference: c.Reference, Contra: c.Contra, EffectiveAt: c.EffectiveAt,
		}, options...)
	})
}

// WithdrawCommand takes money out of an account.
type WithdrawCommand struct {
	Account string `arg:"" help:"Account id."`
	Amount
	Kind string `name:"kind" placeholder:"KIND" help:"cash, card or fee [cash]."`
	Details
	Command
}

// Help returns the example.
func (WithdrawCommand) Help() string { return "Example:\n\n  bank withdraw A-1 25.00 EUR" }

// Run withdraws.
func (c *WithdrawCommand) Run(ctx context.Context, t *cli.Terminal) error {
	return c.book(ctx, t, &c.Command, c.Account, func(ctx context.Context, s *Session, minor int64, currency string, options ...client.Option) (*client.Result, error) {
		return s.Withdraw(ctx, c.Account, client.Withdraw{
			Amount: minor, Currency: currency, Kind: client.WithdrawKind(c.Kind), Reference: c.Reference, Contra: c.Contra, EffectiveAt: c.EffectiveAt,
		}, options...)
	})
}

// TransferCommand moves money between two accounts.
type TransferCommand struct {
	From string `arg:"" help:"The account that pays."`
	To   string `arg:"" help:"The account that is paid."`
	Amount
	Reference string `name:"reference" placeholder:"TEXT" help:"What both owners read."`
	Command
}

// Help returns what it does, and the example.
func (TransferCommand) Help() string {
	return "Both sides are booked in one commit, or neither.\n\nExample:\n\n  bank transfer A-1 A-2 10.00 EUR --reference rent"
}

// Run transfers.
func (c *TransferCommand) Run(ctx context.Context, t *cli.Terminal) error {
	return c.book(ctx, t, &c.Command, c.From, func(ctx context.Context, s *Session, minor int64, currency string, options ...client.Option) (*client.Result, error) {
		return s.Transfer(ctx, client.Transfer{From: c.From, To: c.To, Amount: minor, Currency: currency, Reference: c.Reference}, options...)
	})
}

// ReverseCommand reverses a transaction.
type ReverseCommand struct {
	Account     string `arg:"" help:"Account id."`
	Transaction string `arg:"" help:"The transaction, as t3."`
	Reason      string `name:"reason" placeholder:"TEXT" help:"Why."`
	Force       bool   `name:"force" help:"Reverse a credit although it has been spent."`
	Command
}

// Help returns what it does, and the example.
func (ReverseCommand) Help() string {
	return "A transaction is reversed once and in full; the first one stays in the history.\n\nExample:\n\n  bank reverse A-1 t3 --reason mistake"
}

// Run reverses a credit or a withdrawal; the event of the transaction says which it is.
func (c *ReverseCommand) Run(ctx context.Context, t *cli.Terminal) error {
	version, err := strconv.ParseInt(strings.TrimPrefix(c.Transaction, "t"), 10, 64)
	if err != nil || version < 1 || !strings.HasPrefix(c.Transaction, "t") {
		return cli.Fail(cli.ExitUsage, fmt.Errorf("%q is not the id of a transaction as t3", c.Transaction), "bank account statement "+c.Account+" lists the transactions")
	}
	return c.run(ctx, t, func(ctx context.Context, s *Session, options ...client.Option) (*client.Result, error) {
		kind, err := typeOf(ctx, s, c.Account, version)
		switch {
		case err != nil:
			return nil, err
		case kind == client.EventTypeMoneyCredited:
			return s.ReverseCredit(ctx, c.Account, c.Transaction, client.ReverseCredit{Reason: c.Reason, Force: c.Force}, options...)
		case c.Force:
			return nil, cli.Fail(cli.ExitUsage, fmt.Errorf("%s is not a credit", c.Transaction), "leave --force out: it is for credits that were spent")
		}
		return s.ReverseWithdrawal(ctx, c.Account, c.Transaction, client.ReverseWithdrawal{Reason: c.Reason}, options...)
	})
}

// typeOf returns the type of an account's event, or none if there is no such event.
func typeOf(ctx context.Context, s *Session, account string, version int64) (client.EventType, error) {
	for e, err := range s.Events(ctx, account, client.EventQuery{From: version}) {
		if err != nil {
			return "", err
		}
		if e.Version == version {
			return e.Type, nil
		}
		break
	}
	return "", nil
}
