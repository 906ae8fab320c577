package bank

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"passbook/cmd/internal/cli"
	"passbook/cmd/internal/demo"
	"passbook/cmd/internal/serve"
	"passbook/shared/platform"
)

// demoCommand plays a day.
type demoCommand struct {
	cli.StoreFlags
	URL      string  `name:"url" placeholder:"URL" help:"A running bank; without it, one is started."`
	KeyFile  string  `name:"key-file" placeholder:"FILE" help:"An API key or token to call it with."`
	Accounts int     `name:"accounts" default:"12" help:"Customers, 3 to 100000."`
	Speed    float64 `name:"speed" default:"3600" help:"Times faster than real time; 0 does not wait."`
	Seed     uint64  `name:"seed" default:"1" help:"Seed of the day's random choices."`
}

// Help returns the example.
func (demoCommand) Help() string {
	return "Opens accounts, pays salaries and rents, authorises and captures card payments, is declined, and at the end compares every balance " +
		"and credit limit with its books. A bank that it starts itself keeps its data in a temporary directory, " +
		"unless --data names one.\n\nExample:\n\n  bank demo --accounts 5 --speed 0"
}

// Run plays the day against the bank at URL, or against one that it starts.
func (c *demoCommand) Run(ctx context.Context, t *cli.Terminal) error {
	options := demo.Options{URL: c.URL, Accounts: c.Accounts, Speed: c.Speed, Seed: c.Seed, Out: t.Out}
	if c.Accounts < demo.MinAccounts || c.Accounts > demo.MaxAccounts {
		return cli.Usage("--accounts %d is not %d to %d", c.Accounts, demo.MinAccounts, demo.MaxAccounts)
	}
	if !(c.Speed >= 0) {
		return cli.Usage("--speed %v is negative", c.Speed)
	}
	if c.KeyFile != "" {
		bearer, err := os.ReadFile(c.KeyFile)
		if err != nil {
			return cli.Usage("--key-file: %w", err)
		}
		options.Bearer = strings.TrimSpace(string(bearer))
	}
	if c.URL != "" {
		showWhere(t.Out, c.URL)
		return explainDay(demo.Run(ctx, options))
	}
	return c.runOwn(ctx, t, options)
}

// runOwn starts a bank on a free port, plays the day and ends the bank.
func (c *demoCommand) runOwn(ctx context.Context, t *cli.Terminal, options demo.Options) (err error) {
	if c.Data == nil {
		dir, err := os.MkdirTemp("", "passbook-demo-")
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
		c.Data = &dir
	}
	config, err := t.Config(&c.StoreFlags)
	if err != nil {
		return err
	}
	config.Listen, config.OpsListen = "127.0.0.1:0", "127.0.0.1:0"
	config.LogLevel, config.DrainDelay = "warn", 0
	config.Auth = platform.AuthDev // nobody else calls it
	p, err := serve.Open(ctx, Program, t.Version, config, t.Err)
	if err != nil {
		return err
	}
	options.URL = "http://" + p.Address()
	served := make(chan error, 1)
	running, stop := context.WithCancel(ctx)
	go func() { served <- p.Run(running) }()
	showWhere(t.Out, options.URL)
	day := demo.Run(ctx, options)
	stop()
	return errors.Join(explainDay(day), <-served)
}

// showWhere writes where a person sees the day while it is played.
func showWhere(out io.Writer, url string) {
	fmt.Fprintf(out, "Look at it in a browser while it plays: %s/ui/\n\n", strings.TrimSuffix(url, "/"))
}

// explainDay gives the error of a day its exit code.
func explainDay(err error) error {
	switch {
	case errors.Is(err, demo.ErrDifference):
		return cli.Fail(cli.ExitDifference, err, "audit --data DIR names what differs; the same --seed repeats the day")
	case errors.Is(err, demo.ErrPlayed):
		return cli.Fail(cli.ExitFailed, err, "choose another one with --seed")
	case errors.Is(err, demo.ErrUnreachable):
		return cli.Fail(cli.ExitUnreachable, err, "start one with bank serve, or leave --url out")
	}
	return err
}
