package serve

import (
	"context"

	"passbook/cmd/internal/cli"
	"passbook/shared/platform"
)

// Program is a service as a program.
type Program struct {
	// Name is the program's, About its help in one sentence.
	Name, About string
	// Listen is where it listens unless it is told otherwise, as host:port.
	Listen string
	// Resources are the stores that it needs. A program sees only those to which its role has
	// rights in deploy/template.yaml.
	Resources platform.Resources
	// Open puts the service together on the process's stores: it checks them, calls
	// Process.Listen, adds what runs beside the API, and ends with Process.Serve.
	Open func(ctx context.Context, p *Process) error
}

// Main runs a service as a separate process on AWS, with the flags F: a struct that embeds
// ServiceFlags. It does not return.
func Main[F any](p Program, version string) {
	defaults := []string{"PASSBOOK_LISTEN=" + p.Listen, "PASSBOOK_STORE=" + platform.AWS, "PASSBOOK_DRAIN_DELAY=5s"}
	cli.Main(version, defaults, func(ctx context.Context, args []string, t *cli.Terminal) int {
		return cli.Run(ctx, p.Name, p.About, &command[F]{program: p}, args, t)
	})
}

// command is the command line of a service that runs as a separate process.
type command[F any] struct {
	Flags   F       `embed:""`
	program Program `kong:"-"`
}

// Vars returns what the help texts refer to.
func (c *command[F]) Vars() map[string]string {
	return map[string]string{"listen": c.program.Listen}
}

// Help returns what follows the flags in the help.
func (c *command[F]) Help() string {
	return "Each flag is also a variable: --lease is PASSBOOK_LEASE. The SDK's own variables name AWS: AWS_REGION, AWS_PROFILE, " +
		"AWS_ENDPOINT_URL.\n\nExample:\n\n  AWS_REGION=eu-central-1 " + c.program.Name + " --listen 0.0.0.0:8080 --auth apikey"
}

// Run serves until ctx ends.
func (c *command[F]) Run(ctx context.Context, t *cli.Terminal) error {
	config, err := t.Config(&c.Flags)
	if err != nil {
		return err
	}
	if config.Store != platform.AWS {
		return cli.Usage("%s alone needs PASSBOOK_STORE=%s: an embedded store belongs to one process, and that is bank serve", c.program.Name, platform.AWS)
	}
	p, err := OpenTuned(ctx, c.program, config, t)
	if err != nil {
		return err
	}
	p.Announce(t.Out)
	return p.Run(ctx)
}
