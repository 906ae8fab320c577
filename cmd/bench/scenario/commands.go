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
	return s.play(ctx, t, newLoad("spread", s.Accounts, "commands", moneyMoved), s.Connections)
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
	return h.play(ctx, t, newLoad("hot", 1, "commands", moneyMoved), h.Connections)
}

// Mixed authorises and captures, credits and reads.
type Mixed struct {
	Options
	Accounts    int `default:"10000" help:"Accounts."`
	Connections int `default:"64" help:"Connections."`
}

// Help returns the example.
func (Mixed) Help() string { return "Example:\n\n  bench mixed --bank ./bin/bank --rate 2000" }

// Run plays the scenario.
func (m *Mixed) Run(ctx context.Context, t *cli.Terminal) error {
	return m.play(ctx, t, newLoad("mixed", m.Accounts, "requests", mixed), m.Connections)
}

// Transfers moves money between accounts.
type Transfers struct {
	Options
	Accounts    int `default:"10000" help:"Accounts, at least 2."`
	Connections int `default:"64" help:"Connections."`
}

// Help returns the example.
func (Transfers) Help() string {
	return "Example:\n\n  bench transfers --bank ./bin/bank --accounts 100"
}

// Run plays the scenario.
func (x *Transfers) Run(ctx context.Context, t *cli.Terminal) error {
	if x.Accounts < 2 {
		return cli.Usage("--accounts is at least 2: a transfer has two accounts")
	}
	return x.play(ctx, t, newLoad("transfers", x.Accounts, "transfers", transferred), x.Connections)
}

// Reads reads balances.
type Reads struct {
	Options
	Accounts    int `default:"10000" help:"Accounts."`
	Connections int `default:"64" help:"Connections."`
}

// Help returns the example.
func (Reads) Help() string { return "Example:\n\n  bench reads --bank ./bin/bank --seconds 5" }

// Run plays the scenario.
func (r *Reads) Run(ctx context.Context, t *cli.Terminal) error {
	l := newLoad("reads", r.Accounts, "reads", balancesRead)
	l.silent = true
	return r.play(ctx, t, l, r.Connections)
}

// Bulk credits and withdraws, many commands a request.
type Bulk struct {
	Options
	Accounts    int `default:"10000" help:"Accounts."`
	Connections int `default:"4" help:"Connections."`
	Lines       int `default:"10000" help:"Commands a request."`
}

// maxLines bounds a request of bulk.
const maxLines = 1_000_000

// Help returns the example.
func (Bulk) Help() string { return "Example:\n\n  bench bulk --bank ./bin/bank --accounts 100" }

// Run plays the scenario. A latency is that of a whole request.
func (b *Bulk) Run(ctx context.Context, t *cli.Terminal) error {
	if b.Lines < 1 || b.Lines > maxLines {
		return cli.Usage("--lines is from 1 to %d", maxLines)
	}
	return b.play(ctx, t, newLoad("bulk", b.Accounts, "commands", inBulk(b.Lines)), b.Connections)
}
