package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"

	"passbook/archiver"
	"passbook/cmd/internal/console"
)

// serveCommand serves the bank.
type serveCommand struct {
	console.StoreFlags
	Listen       *string `name:"listen" placeholder:"HOST:PORT" help:"HTTP API [127.0.0.1:8080]."`
	OpsListen    *string `name:"ops-listen" placeholder:"HOST:PORT" help:"Jobs, on loopback [127.0.0.1:0]."`
	Shards       *string `name:"shards" placeholder:"N" help:"Shards of a new stream [4]."`
	Instance     *string `name:"instance" placeholder:"NAME" help:"This process among lease holders."`
	Lease        *string `name:"lease" placeholder:"TIME" help:"How long silence keeps a shard [10s]."`
	SegmentAge   *string `name:"segment-age" placeholder:"TIME" help:"Oldest unarchived event [60s]."`
	SegmentBytes *string `name:"segment-bytes" placeholder:"SIZE" help:"Size of a segment [64MiB]."`
	LogLevel     *string `name:"log-level" placeholder:"LEVEL" help:"debug, info, warn or error [info]."`
	LogFormat    *string `name:"log-format" placeholder:"KIND" help:"text or json [text]."`
}

// Help is the example.
func (serveCommand) Help() string {
	return "Each flag is also a variable: --segment-age is PASSBOOK_SEGMENT_AGE. Example:\n\n  bank serve --data ./data --listen 127.0.0.1:8080"
}

// extraProcs are processors on top of those that there are. The goroutine that comes back from the disk with a commit finds one
// free, and does not queue behind the hundreds that wait for that commit; the system shares the cores out by its own fairness.
const extraProcs = 2

// gcPercent lets the heap grow further than Go does by itself before it is collected, up to about heapLimit: what lives long here
// is small, what does not is much, and a collection on two cores shows in every command that meets it.
const (
	gcPercent = 800
	heapLimit = 2 << 30
)

// tune fits the runtime to a process that waits for a disk. GOMAXPROCS, GOGC and GOMEMLIMIT still win.
func tune() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + extraProcs)
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(heapLimit)
	}
}

// Run serves until ctx ends.
func (c *serveCommand) Run(ctx context.Context, t *console.Terminal) error {
	config, err := t.Config(c)
	if err != nil {
		return err
	}
	tune()
	b, err := openBank(ctx, config, t.Err)
	if err != nil {
		return err
	}
	b.announce(t.Out)
	if err = b.run(ctx); errors.Is(err, archiver.ErrDiverged) {
		return console.Fail(console.ExitDifference, err, "nothing was overwritten; audit names what differs")
	}
	return err
}

// announce says where the bank listens, and how to make a first withdrawal.
func (b *bank) announce(out io.Writer) {
	api := "http://" + b.api.Addr().String()
	fmt.Fprintf(out, "Passbook listens.\n\n  API   %s\n  jobs  http://%s\n  data  %s\n\n", api, b.opsInner.Addr(), b.config.Data)
	fmt.Fprintln(out, "An account, 100.00 in, 25.00 out, and the balance; paste it twice and nothing moves twice:")
	fmt.Fprintln(out)
	for i, call := range []struct{ path, body string }{
		{"/v1/accounts", `{"account_id":"A-1","currency":"EUR"}`},
		{"/v1/accounts/A-1/credits", `{"amount":10000,"currency":"EUR"}`},
		{"/v1/accounts/A-1/withdrawals", `{"amount":2500,"currency":"EUR"}`},
	} {
		fmt.Fprintf(out, "  curl -sS %s%s -H 'Idempotency-Key: first-%d' --json '%s'; echo\n", api, call.path, i+1, call.body)
	}
	fmt.Fprintf(out, "  curl -sS '%s/v1/accounts/A-1/balance?min_version=3&wait=2s'; echo\n\n", api)
}
