package scenario

import (
	"context"

	"passbook/cmd/internal/cli"
)

// Spread credits and withdraws over many accounts.
type Spread struct {
	Options
	Accounts    int `default:"10000" help:"Accounts."`
	Connections int `default:"64" help:"Connections."`
}

// Help returns the example.
func (Spread) Help() string {
	return "Example:\n\n  bench spread --bank ./bin/bank --against ./old-bank --seconds 10 --rounds 3"
}

// Run plays the scenario.
func (s *Spread) Run(ctx context.Context, t *cli.Terminal) error {
	return s.play(ctx, t, "spread", newLoad(s.Accounts, "commands", moneyMoved), s.Connections)
}

// Hot credits and withdraws on one account.
type Hot struct {
	Options
	Connections int `default:"64" help:"Connections."`
}

// Help returns the example.
func (Hot) Help() string { return "Example:\n\n  bench hot --bank ./bin/bank --seconds 10" }

// Run plays the scenario.
func (h *Hot) Run(ctx context.Context, t *cli.Terminal) error {
	return h.play(ctx, t, "hot", newLoad(1, "commands", moneyMoved), h.Connections)
}
