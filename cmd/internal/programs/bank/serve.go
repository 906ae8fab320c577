package bank

import (
	"context"
	"fmt"
	"io"

	"passbook/cmd/internal/cli"
	"passbook/cmd/internal/serve"
	"passbook/shared/platform"
)

// serveCommand serves the bank.
type serveCommand struct {
	cli.StoreFlags
	serve.Flags
	serve.SegmentFlags
	serve.WriterFlags
	serve.IndexFlags
	serve.WebhookFlags
	OpsListen *string `name:"ops-listen" placeholder:"HOST:PORT" help:"Listener for jobs, on loopback [127.0.0.1:0]."`
	MinFree   *string `name:"min-free" placeholder:"SIZE" help:"Refuse commands below [greater of 256MiB, 2%]."`
	Shards    *string `name:"shards" placeholder:"N" help:"Shards of a new stream [4]."`
}

// Help returns the example.
func (serveCommand) Help() string {
	return "Each flag is also a variable: --segment-age is PASSBOOK_SEGMENT_AGE.\n\nExample:\n\n  bank serve --data ./data --listen 127.0.0.1:8080"
}

// Run serves until ctx ends.
func (c *serveCommand) Run(ctx context.Context, t *cli.Terminal) error {
	config, err := t.Config(c)
	if err != nil {
		return err
	}
	if err := refuseDevelopment(config); err != nil {
		return err
	}
	return c.serve(ctx, t, config, Program)
}

// serve serves a program until ctx ends.
func (c *serveCommand) serve(ctx context.Context, t *cli.Terminal, config platform.Config, program serve.Program) error {
	p, err := serve.OpenTuned(ctx, program, config, t)
	if err != nil {
		return err
	}
	p.Announce(t.Out)
	if !p.LogsJSON() || p.FirstKey() != "" { // the key is shown nowhere else
		firstSteps(t.Out, p)
	}
	return p.Run(ctx)
}

// firstSteps prints calls that make a first withdrawal, and once the first key of a bank that asks
// for keys.
func firstSteps(out io.Writer, p *serve.Process) {
	fmt.Fprintln(out, "Open an account, credit 100.00, withdraw 25.00, read the balance; paste it twice, and no money moves twice:")
	fmt.Fprintln(out)
	authorization := ""
	if p.Config.Auth != platform.AuthDev {
		authorization = ` -H "Authorization: Bearer $KEY"`
		switch key := p.FirstKey(); {
		case p.Config.Auth == platform.AuthOIDC:
			fmt.Fprintf(out, "  KEY=...   # a token of %s for %s\n", p.Config.OIDCIssuer, p.Config.OIDCAudience)
		case key != "":
			fmt.Fprintf(out, "  KEY=%s   # all scopes, for a day; it is shown this once\n", key)
		default:
			fmt.Fprintf(out, "  KEY=...   # yours; bank key create makes one\n")
		}
	}
	for i, call := range []struct{ path, body string }{
		{"/v1/accounts", `{"account_id":"A-1","currency":"EUR"}`},
		{"/v1/accounts/A-1/credits", `{"amount":10000,"currency":"EUR"}`},
		{"/v1/accounts/A-1/withdrawals", `{"amount":2500,"currency":"EUR"}`},
	} {
		fmt.Fprintf(out, "  curl -sS %s%s%s -H 'Content-Type: application/json' -H 'Idempotency-Key: first-%d' -d '%s'; echo\n",
			p.URL(), call.path, authorization, i+1, call.body)
	}
	fmt.Fprintf(out, "  curl -sS '%s/v1/accounts/A-1/balance?min_version=3&wait=2s'%s; echo\n\n", p.URL(), authorization)
	fmt.Fprintf(out, "Then look at it in a browser: %s/ui/\n\n", p.URL())
}
