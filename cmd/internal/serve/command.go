package serve

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"slices"

	"passbook/cmd/internal/console"
	"passbook/shared/journal"
	"passbook/shared/platform"
)

// Flags are those of every serving program. Each is also a variable.
type Flags struct {
	Listen     *string `name:"listen" placeholder:"HOST:PORT" help:"HTTP API [${listen}]."`
	Instance   *string `name:"instance" placeholder:"NAME" help:"This process among lease holders."`
	Lease      *string `name:"lease" placeholder:"TIME" help:"How long silence keeps a shard [10s]."`
	DrainDelay *string `name:"drain-delay" placeholder:"TIME" help:"Serve on after /readyz said no [bank 1s, else 5s]."`
	Memory     *string `name:"memory" placeholder:"SIZE" help:"Most to take [the cgroup's limit, else 1/4 of the machine]."`
	LogLevel   *string `name:"log-level" placeholder:"LEVEL" help:"debug, info, warn or error [info]."`
	LogFormat  *string `name:"log-format" placeholder:"KIND" help:"text or json [text]."`
}

// SegmentFlags are those of a program with the archiver in it.
type SegmentFlags struct {
	SegmentAge   *string `name:"segment-age" placeholder:"TIME" help:"Oldest unarchived event [60s]."`
	SegmentBytes *string `name:"segment-bytes" placeholder:"SIZE" help:"Size of a segment [64MiB]."`
}

// WriterFlags are those of a program that takes commands.
type WriterFlags struct {
	EffectiveBack  *string `name:"effective-back" placeholder:"DAYS" help:"Oldest effective_at taken [3653]."`
	EffectiveAhead *string `name:"effective-ahead" placeholder:"DAYS" help:"Latest effective_at taken [0]."`
}

// ServiceFlags are those of a service that is a process of its own.
type ServiceFlags struct {
	Flags
	Prefix  *string `name:"prefix" placeholder:"TEXT" help:"Starts tables' and streams' names [passbook-]."`
	Version bool    `name:"version" help:"Print the version and end."`
}

// command is the command line of a service that is a process of its own.
type command struct {
	ServiceFlags
	program program `kong:"-"`
}

// writeCommand is that of one that takes commands.
type writeCommand struct {
	ServiceFlags
	WriterFlags
	PeerListen  *string `name:"peer-listen" placeholder:"HOST:PORT" help:"Other writers' commands; or off [--listen's host]."`
	PeerAddress *string `name:"peer-address" placeholder:"HOST:PORT" help:"Where others reach --peer-listen."`
	program     program `kong:"-"`
}

// archiveCommand is that of one that touches the archive.
type archiveCommand struct {
	ServiceFlags
	SegmentFlags
	Bucket  *string `name:"bucket" placeholder:"NAME" help:"S3 bucket of the archive."`
	program program `kong:"-"`
}

// Vars are the defaults of the service in its help.
func (c *command) Vars() map[string]string { return c.program.vars() }

// Vars are the defaults of the service in its help.
func (c *writeCommand) Vars() map[string]string { return c.program.vars() }

// Vars are the defaults of the service in its help.
func (c *archiveCommand) Vars() map[string]string { return c.program.vars() }

// Help is the example.
func (c *command) Help() string { return c.program.help() }

// Help is the example.
func (c *writeCommand) Help() string { return c.program.help() }

// Help is the example.
func (c *archiveCommand) Help() string { return c.program.help() }

// Run serves until ctx ends.
func (c *command) Run(ctx context.Context, t *console.Terminal) error {
	return c.program.run(ctx, t, c, c.Version)
}

// Run serves until ctx ends.
func (c *writeCommand) Run(ctx context.Context, t *console.Terminal) error {
	return c.program.run(ctx, t, c, c.Version)
}

// Run serves until ctx ends.
func (c *archiveCommand) Run(ctx context.Context, t *console.Terminal) error {
	return c.program.run(ctx, t, c, c.Version)
}

// program is a service as a program.
type program struct {
	service Service
	version string
}

func (p program) vars() map[string]string { return map[string]string{"listen": p.service.listen()} }

func (p program) help() string {
	return "Each flag is also a variable: --lease is PASSBOOK_LEASE. Where AWS is, the SDK's own variables say: AWS_REGION, AWS_PROFILE, " +
		"AWS_ENDPOINT_URL.\n\nExample:\n\n  AWS_REGION=eu-central-1 " + p.service.Name + " --listen 0.0.0.0:8080"
}

// run serves with the settings that flags name, until ctx ends.
func (p program) run(ctx context.Context, t *console.Terminal, flags any, printVersion bool) error {
	if printVersion {
		return PrintVersion(t.Out, p.service.Name, p.version)
	}
	config, err := t.Config(flags)
	if err != nil {
		return err
	}
	if config.Store != platform.AWS {
		return console.Usage("%s alone needs PASSBOOK_STORE=%s: one process holds an embedded store, and that is bank serve", p.service.Name, platform.AWS)
	}
	serving, err := OpenProgram(ctx, p.service, p.version, config, t)
	if err != nil {
		return err
	}
	serving.Announce(t.Out)
	return serving.Run(ctx)
}

// Main is the whole program of a service that is a process of its own. It does not return.
func Main(s Service, version string) {
	console.Main(s.defaults, func(ctx context.Context, args []string, t *console.Terminal) int {
		p := program{s, version}
		var grammar console.Command = &command{program: p}
		switch {
		case s.resources.Archive:
			grammar = &archiveCommand{program: p}
		case slices.Contains(s.resources.Writes, journal.Table):
			grammar = &writeCommand{program: p}
		}
		return console.Run(ctx, s.Name, s.About, grammar, args, t)
	})
}

// PrintVersion writes a program's name and version, and what it was built with and for.
func PrintVersion(out io.Writer, name, version string) error {
	_, err := fmt.Fprintf(out, "%s %s %s %s/%s\n", name, version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}

// Announce says where the process listens and what it stands on.
func (p *Process) Announce(out io.Writer) {
	fmt.Fprintf(out, "Passbook's %s listens.\n\n  API       %s\n", p.service.Name, p.URL())
	if p.exposed() {
		fmt.Fprintf(out, "  WARNING   %s is reachable from other machines, and nobody is asked for a password\n", p.Address())
	}
	if p.ops != nil {
		fmt.Fprintf(out, "  jobs      http://%s\n", p.ops.Addr())
	}
	for _, where := range p.engine.Where {
		fmt.Fprintf(out, "  %s\n", where)
	}
	fmt.Fprintln(out)
}

// extraProcs are processors on top of those that there are. The goroutine that comes back from the
// disk with a commit finds one free, and does not queue behind the hundreds that wait for that
// commit; the system shares the cores out by its own fairness.
const extraProcs = 2

// gcPercent lets the heap grow further than Go does by itself before it is collected, up to its
// share of the memory: what lives long here is small, what does not is much, and a collection on
// two cores shows in every command that meets it.
const gcPercent = 800

// tune fits the runtime to the machine, and to a process that waits for a disk where it does.
// GOMAXPROCS, GOGC and GOMEMLIMIT still win.
func tune(c platform.Config, m platform.Memory) {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(int64(m.Heap))
	}
	if c.Store != platform.Embedded {
		return
	}
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + extraProcs)
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
}

// OpenProgram is Open for the one service that the process is: the runtime is tuned for it, and one
// line of the log says what it runs with.
func OpenProgram(ctx context.Context, s Service, version string, config platform.Config, t *console.Terminal) (*Process, error) {
	m := platform.MemoryOf(config)
	tune(config, m)
	p, err := Open(ctx, s, version, config, t.Err)
	if err != nil {
		return nil, err
	}
	p.log.Info("starts", "program", s.Name, "version", version, "store", config.Store, "data", config.Data, "memory", m.Limit.String(), "from", m.From,
		"heap", m.Heap.String(), "cache", m.Cache.String(), "idle_accounts", m.Accounts, "lease", config.Lease.String(), "segment_age", config.SegmentAge.String())
	return p, nil
}
