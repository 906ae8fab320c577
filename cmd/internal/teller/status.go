package teller

import (
	"context"

	"passbook/cmd/internal/cli"
	"passbook/shared/client"
)

// FreezeCommand freezes an account.
type FreezeCommand struct {
	Account    string `arg:"" help:"Account id."`
	Scope      string `name:"scope" placeholder:"SCOPE" help:"debits or all [debits]."`
	ReasonCode string `name:"reason-code" placeholder:"CODE" help:"Why, as a code of yours."`
	Command
}

// Help returns the example.
func (FreezeCommand) Help() string {
	return "Example:\n\n  bank account freeze A-1 --reason-code suspicion"
}

// Run freezes.
func (c *FreezeCommand) Run(ctx context.Context, t *cli.Terminal) error {
	return c.run(ctx, t, func(ctx context.Context, s *Session, options ...client.Option) (*client.Result, error) {
		return s.Freeze(ctx, c.Account, client.Freeze{Scope: client.FreezeScope(c.Scope), ReasonCode: c.ReasonCode}, options...)
	})
}

// UnfreezeCommand ends a freeze.
type UnfreezeCommand struct {
	Account    string `arg:"" help:"Account id."`
	ReasonCode string `name:"reason-code" placeholder:"CODE" help:"Why, as a code of yours."`
	Command
}

// Help returns the example.
func (UnfreezeCommand) Help() string { return "Example:\n\n  bank account unfreeze A-1" }

// Run ends it.
func (c *UnfreezeCommand) Run(ctx context.Context, t *cli.Terminal) error {
	return c.run(ctx, t, func(ctx context.Context, s *Session, options ...client.Option) (*client.Result, error) {
		return s.Unfreeze(ctx, c.Account, client.Unfreeze{ReasonCode: c.ReasonCode}, options...)
	})
}

// CloseCommand closes an account.
type CloseCommand struct {
	Account    string `arg:"" help:"Account id."`
	ReasonCode string `name:"reason-code" placeholder:"CODE" help:"Why, as a code of yours."`
	Yes        bool   `name:"yes" help:"Do not ask."`
	Command
}

// Help returns the example.
func (CloseCommand) Help() string {
	return "An account that is closed stays closed. It must be empty, and without holds.\n\nExample:\n\n  bank account close A-9 --yes"
}

// Run closes.
func (c *CloseCommand) Run(ctx context.Context, t *cli.Terminal) error {
	if err := t.Sure(c.Yes || c.DryRun, "close account "+c.Account, c.Account); err != nil {
		return err
	}
	return c.run(ctx, t, func(ctx context.Context, s *Session, options ...client.Option) (*client.Result, error) {
		return s.CloseAccount(ctx, c.Account, client.Close{ReasonCode: c.ReasonCode}, options...)
	})
}

// BalanceCommand shows a balance.
type BalanceCommand struct {
	Account    string      `arg:"" help:"Account id."`
	At         cli.Instant `name:"at" placeholder:"TIME" xor:"when" help:"As it was at this time."`
	Version    int64       `name:"version" placeholder:"N" xor:"when" help:"As it was at this version."`
	MinVersion int64       `name:"min-version" placeholder:"N" xor:"when" help:"Wait until it is at least at this version."`
	Flags
}

// Help returns the example.
func (BalanceCommand) Help() string { return "Example:\n\n  bank balance A-1 --version 2" }

// Run shows it.
func (c *BalanceCommand) Run(ctx context.Context, t *cli.Terminal) error {
	return c.Call(ctx, t, func(ctx context.Context, s *Session) error {
		var raw []byte
		options := []client.Option{client.Body(&raw)}
		switch {
		case !c.At.IsZero():
			options = append(options, client.At(c.At.Time()))
		case c.Version != 0:
			options = append(options, client.AtVersion(c.Version))
		case c.MinVersion != 0:
			options = append(options, client.MinVersion(c.MinVersion))
		}
		b, err := s.Balance(ctx, c.Account, options...)
		if err != nil {
			return err
		}
		return writeObject(t, c.Output, raw, b, balanceColumns)
	})
}

var balanceColumns = []cli.Column[*client.Balance]{
	{Name: "account", Value: func(b *client.Balance) any { return b.AccountID }},
	{Name: "status", Value: func(b *client.Balance) any { return string(b.Status) }},
	{Name: "posted", Value: func(b *client.Balance) any { return cli.Money{Minor: b.Posted, Currency: b.Currency} }},
	{Name: "held", Value: func(b *client.Balance) any { return cli.Money{Minor: b.Held, Currency: b.Currency} }},
	{Name: "limit", Value: func(b *client.Balance) any { return cli.Money{Minor: b.Limit, Currency: b.Currency} }},
	{Name: "available", Value: func(b *client.Balance) any { return cli.Money{Minor: b.Available, Currency: b.Currency} }},
	{Name: "currency", Value: func(b *client.Balance) any { return b.Currency }, OnlyCSV: true},
	{Name: "version", Value: func(b *client.Balance) any { return b.Version }},
	{Name: "as_of", Value: func(b *client.Balance) any { return b.AsOf }},
	{Name: "blocked_at", Value: func(b *client.Balance) any { return blocked(b.BlockedAtVersion) }},
}
