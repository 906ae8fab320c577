package scenario

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"passbook/cmd/bench/driver"
	"passbook/cmd/bench/floor"
	"passbook/cmd/internal/cli"
)

// Floor serves the Go and PostgreSQL service, until it is interrupted.
type Floor struct {
	DSN    string `name:"dsn" required:"" placeholder:"URL" help:"How to connect to PostgreSQL."`
	Listen string `default:"127.0.0.1:0" placeholder:"HOST:PORT" help:"Where to listen."`
	Lean   bool   `help:"No idempotency keys: a key is asked for and not kept."`
}

// Help returns the example.
func (Floor) Help() string {
	return "It has the routes of a bank that credit, withdraw and read a balance.\n\nExample:\n\n  bench floor --dsn postgres://bench@127.0.0.1:5432/postgres --listen 127.0.0.1:3070"
}

// Run makes the tables, prints where the service listens and serves.
func (f *Floor) Run(ctx context.Context, t *cli.Terminal) error {
	if err := floor.Prepare(ctx, f.DSN, 0, funds); err != nil {
		return err
	}
	l, err := floor.Listen(ctx, f.Listen)
	if err != nil {
		return err
	}
	fmt.Fprintln(t.Out, l.Addr())
	return floor.Serve(ctx, l, f.DSN, f.Lean)
}

// postgres is the Go and PostgreSQL service under a load.
type postgres struct {
	cluster *floor.Cluster
	service *exec.Cmd
	address string
}

// startPostgres starts a cluster and the service on it, each a separate process.
func startPostgres(ctx context.Context, lean bool) (Contender, error) {
	cluster, err := floor.StartCluster(ctx)
	if err != nil {
		return nil, err
	}
	p := &postgres{cluster: cluster}
	if err := p.serve(lean); err != nil {
		return nil, errors.Join(err, p.Stop())
	}
	return p, nil
}

// serve starts the service, which is this program.
func (p *postgres) serve(lean bool) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	service := exec.Command(self, "floor", "--dsn", p.cluster.DSN)
	if lean {
		service.Args = append(service.Args, "--lean")
	}
	service.Stderr = os.Stderr
	out, err := service.StdoutPipe()
	if err != nil {
		return err
	}
	if err := service.Start(); err != nil {
		return fmt.Errorf("start the service on PostgreSQL: %w", err)
	}
	p.service = service
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return fmt.Errorf("the service on PostgreSQL did not print where it listens: %w", err)
	}
	p.address = strings.TrimSpace(line)
	return nil
}

// Name returns what the report calls the service.
func (p *postgres) Name() string { return "postgres" }

// Address returns where the service listens.
func (p *postgres) Address() string { return p.address }

// Open opens accounts with funds.
func (p *postgres) Open(ctx context.Context, n int) error {
	return floor.Prepare(ctx, p.cluster.DSN, n, funds)
}

// CPU returns the processor time of the service and of all processes of PostgreSQL.
func (p *postgres) CPU() time.Duration {
	return driver.CPUOf(p.service.Process.Pid) + driver.CPUOfTree(p.cluster.PID())
}

// Memory returns what the service and all processes of PostgreSQL have in memory, each shared page
// once. PostgreSQL also counts on the page cache of the machine.
func (p *postgres) Memory() (resident, peak int64) {
	resident, peak = driver.MemoryOf(p.service.Process.Pid)
	cluster := driver.MemoryOfTree(p.cluster.PID())
	return resident + cluster, peak + cluster
}

// Disk returns the bytes of the files of the cluster.
func (p *postgres) Disk() int64 { return size(p.cluster.Data()) }

// CaughtUp returns now: what was answered can be read, and is archived nowhere.
func (p *postgres) CaughtUp(ctx context.Context, _ *Load) (rows, archive time.Time, err error) {
	return time.Now(), time.Now(), ctx.Err()
}

// errNoProfile says that only a bank has profiles.
var errNoProfile = errors.New("the service on PostgreSQL has no profiles: leave --profile out")

// Profile fails.
func (p *postgres) Profile(context.Context, string, time.Duration) error { return errNoProfile }

// Stop ends the service and the cluster, and removes the data.
func (p *postgres) Stop() error {
	var err error
	if p.service != nil {
		if err = p.service.Process.Signal(syscall.SIGTERM); err == nil {
			err = p.service.Wait()
		}
	}
	if err != nil {
		err = fmt.Errorf("stop the service on PostgreSQL: %w", err)
	}
	return errors.Join(err, p.cluster.Stop())
}
