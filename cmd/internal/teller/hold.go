package teller

import (
	"context"
	"iter"

	"passbook/cmd/internal/cli"
	"passbook/shared/client"
)

// HoldCommand groups the commands on holds.
type HoldCommand struct {
	Place   PlaceCommand   `cmd:"" help:"Reserve an amount."`
	Capture CaptureCommand `cmd:"" help:"Turn a hold, or a part of it, into a withdrawal."`
	Release ReleaseCommand `cmd:"" help:"End a hold."`
	List    HoldsCommand   `cmd:"" help:"List the open holds of an account."`
}

// Help returns the example.
func (HoldCommand) Help() string { return "Example:\n\n  bank hold list A-1" }

// PlaceCommand reserves an amount.
type PlaceCommand struct {
	Account string `arg:"" help:"Account id."`
	Amount
	Expires   cli.Instant `name:"expires" placeholder:"TIME" help:"When it ends by itself [never]."`
	Reference string      `name:"reference" placeholder:"TEXT" help:"What the account's owner reads."`
	Command
}

// Help returns the example.
func (PlaceCommand) Help() string { return "Example:\n\n  bank hold place A-1 12.50 EUR" }

// Run places the hold.
func (c *PlaceCommand) Run(ctx context.Context, t *cli.Terminal) error {
	return c.book(ctx, t, &c.Command, c.Account, func(ctx context.Context, s *Session, minor int64, currency string, options ...client.Option) (*client.Result, error) {
		return s.PlaceHold(ctx, c.Account, client.Hold{Amount: minor, Currency: currency, ExpiresAt: c.Expires.Time(), Reference: c.Reference}, options...)
	})
}

// CaptureCommand captures a hold.
type CaptureCommand struct {
	Account string `arg:"" help:"Account id."`
	Hold    string `arg:"" help:"The hold, as h4."`
	Amount
	KeepRest bool `name:"keep-rest" help:"Keep what is not captured reserved."`
	Command
}

// Help returns what it does, and the example.
func (CaptureCommand) Help() string {
	return "Without an amount all of it is captured; what a smaller amount leaves is released.\n\nExample:\n\n  bank hold capture A-1 h4 10.00 EUR"
}

// Run captures.
func (c *CaptureCommand) Run(ctx context.Context, t *cli.Terminal) error {
	if c.given() {
		if err := c.check(); err != nil {
			return err
		}
	}
	return c.run(ctx, t, func(ctx context.Context, s *Session, options ...client.Option) (*client.Result, error) {
		capture := client.Capture{}
		if c.given() {
			var err error
			if capture.Amount, _, err = c.read(ctx, s, c.Account); err != nil {
				return nil, err
			}
		}
		if c.KeepRest {
			capture.Final = new(bool)
		}
		return s.CaptureHold(ctx, c.Account, c.Hold, capture, options...)
	})
}

// ReleaseCommand releases a hold.
type ReleaseCommand struct {
	Account string `arg:"" help:"Account id."`
	Hold    string `arg:"" help:"The hold, as h4."`
	Command
}

// Help returns the example.
func (ReleaseCommand) Help() string { return "Example:\n\n  bank hold release A-1 h5" }

// Run releases.
func (c *ReleaseCommand) Run(ctx context.Context, t *cli.Terminal) error {
	return c.run(ctx, t, func(ctx context.Context, s *Session, options ...client.Option) (*client.Result, error) {
		return s.ReleaseHold(ctx, c.Account, c.Hold, options...)
	})
}

// HoldsCommand lists holds.
type HoldsCommand struct {
	Account string `arg:"" help:"Account id."`
	Flags
}

// Help returns the example.
func (HoldsCommand) Help() string { return "Oldest first.\n\nExample:\n\n  bank hold list A-1" }

// Run lists them.
func (c *HoldsCommand) Run(ctx context.Context, t *cli.Terminal) error {
	return c.Call(ctx, t, func(ctx context.Context, s *Session) error {
		found, err := s.Holds(ctx, c.Account)
		if err != nil {
			return err
		}
		return list(t, c.Output, each(found.Holds), 0, holdColumns(found.Currency), "no open hold")
	})
}

// holdColumns returns the columns of holds.
func holdColumns(currency string) []cli.Column[client.OpenHold] {
	return []cli.Column[client.OpenHold]{
		{Name: "hold", Value: func(h client.OpenHold) any { return h.HoldID }},
		{Name: "amount", Value: func(h client.OpenHold) any { return cli.Money{Minor: h.Amount, Currency: currency} }},
		{Name: "currency", Value: func(client.OpenHold) any { return currency }, OnlyCSV: true},
		{Name: "placed_at", Value: func(h client.OpenHold) any { return h.PlacedAt }},
		{Name: "expires_at", Value: func(h client.OpenHold) any { return h.ExpiresAt }},
	}
}

// each returns the elements of a list.
func each[T any](elements []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, e := range elements {
			if !yield(e, nil) {
				return
			}
		}
	}
}
