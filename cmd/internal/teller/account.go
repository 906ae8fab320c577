package teller

import (
	"context"
	"fmt"

	"passbook/cmd/internal/cli"
	"passbook/shared/client"
	"passbook/shared/money"
)

// AccountCommand groups the commands on accounts.
type AccountCommand struct {
	Open      OpenCommand      `cmd:"" help:"Open an account."`
	Show      ShowCommand      `cmd:"" help:"Show an account as it is."`
	List      ListCommand      `cmd:"" help:"List the accounts."`
	Events    EventsCommand    `cmd:"" help:"List an account's events."`
	Statement StatementCommand `cmd:"" help:"List an account's transactions with the running balance."`
	Freeze    FreezeCommand    `cmd:"" help:"Stop debits of an account, or everything."`
	Unfreeze  UnfreezeCommand  `cmd:"" help:"End a freeze."`
	Close     CloseCommand     `cmd:"" help:"Close an account for good."`
}

// Help returns the example.
func (AccountCommand) Help() string { return "Example:\n\n  bank account list" }

// OpenCommand opens an account.
type OpenCommand struct {
	Account  string `arg:"" optional:"" help:"Account id [made by the bank]."`
	Currency string `name:"currency" required:"" placeholder:"CODE" help:"Its currency, as EUR."`
	Limit    string `name:"limit" placeholder:"AMOUNT" help:"Its line of credit, as 500.00."`
	Holder   string `name:"holder" placeholder:"REF" help:"Whose it is: a reference, no name."`
	Product  string `name:"product" placeholder:"NAME" help:"Which product it is."`
	Command
}

// Help returns the example.
func (OpenCommand) Help() string {
	return "Example:\n\n  bank account open A-7 --currency EUR --limit 500.00"
}

// Run opens it.
func (c *OpenCommand) Run(ctx context.Context, t *cli.Terminal) error {
	open := client.Open{AccountID: c.Account, Currency: c.Currency, HolderRef: c.Holder, Product: c.Product}
	if c.Limit != "" {
		var err error
		if open.CreditLimit, err = money.ParseDecimal(c.Limit, c.Currency); err != nil {
			return cli.Fail(cli.ExitUsage, fmt.Errorf("--limit: %w", err), "write it as 500.00, in the currency of --currency")
		}
	}
	return c.run(ctx, t, func(ctx context.Context, s *Session, options ...client.Option) (*client.Result, error) {
		return s.OpenAccount(ctx, open, options...)
	})
}

// ShowCommand shows an account.
type ShowCommand struct {
	Account string `arg:"" help:"Account id."`
	Flags
}

// Help returns what it reads, and the example.
func (ShowCommand) Help() string {
	return "Reads the account's own history, so it is never behind a command that was answered.\n\nExample:\n\n  bank account show A-1"
}

// Run shows it.
func (c *ShowCommand) Run(ctx context.Context, t *cli.Terminal) error {
	return c.Call(ctx, t, func(ctx context.Context, s *Session) error {
		var raw []byte
		a, err := s.Account(ctx, c.Account, client.Body(&raw))
		if err != nil {
			return err
		}
		return writeObject(t, c.Output, raw, a, accountColumns)
	})
}

var accountColumns = []cli.Column[*client.Account]{
	{Name: "account", Value: func(a *client.Account) any { return a.AccountID }},
	{Name: "holder", Value: func(a *client.Account) any { return a.HolderRef }},
	{Name: "product", Value: func(a *client.Account) any { return a.Product }},
	{Name: "status", Value: func(a *client.Account) any { return string(a.Status) }},
	{Name: "frozen", Value: func(a *client.Account) any { return string(a.Frozen) }},
	{Name: "posted", Value: func(a *client.Account) any { return cli.Money{Minor: a.Posted, Currency: a.Currency} }},
	{Name: "held", Value: func(a *client.Account) any { return cli.Money{Minor: a.Held, Currency: a.Currency} }},
	{Name: "limit", Value: func(a *client.Account) any { return cli.Money{Minor: a.Limit, Currency: a.Currency} }},
	{Name: "available", Value: func(a *client.Account) any { return cli.Money{Minor: a.Available, Currency: a.Currency} }},
	{Name: "currency", Value: func(a *client.Account) any { return a.Currency }, OnlyCSV: true},
	{Name: "version", Value: func(a *client.Account) any { return a.Version }},
	{Name: "as_of", Value: func(a *client.Account) any { return a.AsOf }},
	{Name: "blocked_at", Value: func(a *client.Account) any { return blocked(a.BlockedAtVersion) }},
}

// blocked returns the version at which an account is in quarantine, or nothing.
func blocked(version int64) any {
	if version == 0 {
		return nil
	}
	return version
}

// ListCommand lists accounts.
type ListCommand struct {
	Holder    string `name:"holder" placeholder:"REF" help:"Only those of this holder."`
	Status    string `name:"status" placeholder:"STATUS" help:"Only those that are open, frozen or closed."`
	OverLimit bool   `name:"over-limit" help:"Only those that use more than their line of credit."`
	Limit     int    `name:"limit" default:"100" help:"How many; 0 for all [100]."`
	Flags
}

// Help returns the example.
func (ListCommand) Help() string {
	return "They come in no order that means anything.\n\nExample:\n\n  bank account list --limit 10"
}

// Run lists them.
func (c *ListCommand) Run(ctx context.Context, t *cli.Terminal) error {
	return c.Call(ctx, t, func(ctx context.Context, s *Session) error {
		accounts := s.Accounts(ctx, client.AccountQuery{Holder: c.Holder, Status: c.Status, OverLimit: c.OverLimit})
		return list(t, c.Output, accounts, c.Limit, itemColumns, "no account: bank account open ID --currency EUR opens one")
	})
}

var itemColumns = []cli.Column[client.AccountItem]{
	{Name: "account", Value: func(a client.AccountItem) any { return a.AccountID }},
	{Name: "status", Value: func(a client.AccountItem) any { return string(a.Status) }},
	{Name: "posted", Value: func(a client.AccountItem) any { return cli.Money{Minor: a.Posted, Currency: a.Currency} }},
	{Name: "held", Value: func(a client.AccountItem) any { return cli.Money{Minor: a.Held, Currency: a.Currency} }},
	{Name: "limit", Value: func(a client.AccountItem) any { return cli.Money{Minor: a.Limit, Currency: a.Currency} }},
	{Name: "available", Value: func(a client.AccountItem) any { return cli.Money{Minor: a.Available, Currency: a.Currency} }},
	{Name: "currency", Value: func(a client.AccountItem) any { return a.Currency }, OnlyCSV: true},
	{Name: "version", Value: func(a client.AccountItem) any { return a.Version }},
	{Name: "holder", Value: func(a client.AccountItem) any { return a.HolderRef }},
	{Name: "product", Value: func(a client.AccountItem) any { return a.Product }},
}
