package floor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// startTimeout bounds the start of PostgreSQL, stopTimeout its end.
const startTimeout, stopTimeout = 60 * time.Second, 60 * time.Second

// errNoPostgres says that PostgreSQL is not installed.
var errNoPostgres = errors.New("no initdb in PATH or below /usr/lib/postgresql: install Debian's package postgresql, as make bench-peers does")

// Cluster is a PostgreSQL on a free port of loopback, with new data.
type Cluster struct {
	cmd  *exec.Cmd
	data string
	// DSN is how to connect to it.
	DSN string
}

// StartCluster makes a cluster with the settings of initdb and starts it.
func StartCluster(ctx context.Context) (*Cluster, error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "passbook-bench-pg-")
	if err != nil {
		return nil, err
	}
	c := &Cluster{data: dir}
	as, err := owner(dir)
	if err == nil {
		err = c.initialise(ctx, bin, as)
	}
	if err == nil {
		err = c.start(ctx, bin, as)
	}
	if err != nil {
		return nil, errors.Join(err, c.Stop())
	}
	return c, nil
}

// binaries returns the directory of PostgreSQL's programs, of the newest version that is installed.
func binaries() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path), nil
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", errNoPostgres
	}
	return filepath.Dir(slices.Max(found)), nil
}

// owner returns as whom PostgreSQL runs, and gives the directory to that user: it refuses to run as
// root. Debian's package makes the user postgres.
func owner(dir string) (*syscall.SysProcAttr, error) {
	if os.Geteuid() != 0 {
		return &syscall.SysProcAttr{}, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL does not run as root: %w", err)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, os.Chown(dir, int(uid), int(gid))
}

// initialise makes the data of the cluster.
func (c *Cluster) initialise(ctx context.Context, bin string, as *syscall.SysProcAttr) error {
	cmd := exec.CommandContext(ctx, filepath.Join(bin, "initdb"), "--pgdata", c.data, "--auth", "trust", "--username", "bench", "--encoding", "UTF8", "--locale", "C")
	cmd.SysProcAttr, cmd.Dir = as, c.data
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %.500s", err, out)
	}
	return nil
}

// start starts the cluster and waits until it answers.
func (c *Cluster) start(ctx context.Context, bin string, as *syscall.SysProcAttr) error {
	port, err := freePort()
	if err != nil {
		return err
	}
	c.DSN = fmt.Sprintf("postgres://bench@127.0.0.1:%d/postgres?sslmode=disable", port)
	c.cmd = exec.Command(filepath.Join(bin, "postgres"), "-D", c.data, "-h", "127.0.0.1", "-p", strconv.Itoa(port), "-k", c.data, "-c", "log_min_messages=panic")
	c.cmd.SysProcAttr, c.cmd.Dir, c.cmd.Stderr = as, c.data, os.Stderr
	if err := c.cmd.Start(); err != nil {
		c.cmd = nil
		return fmt.Errorf("start PostgreSQL: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		connection, err := pgx.Connect(ctx, c.DSN)
		if err == nil {
			return connection.Close(ctx)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait until PostgreSQL answers: %w", err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// freePort returns a port of loopback that nothing listens on.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}

// PID returns the process of the cluster, of which all others are children.
func (c *Cluster) PID() int { return c.cmd.Process.Pid }

// Data returns the directory of the cluster.
func (c *Cluster) Data() string { return c.data }

// Stop ends the cluster and removes its data.
func (c *Cluster) Stop() error {
	var err error
	if c.cmd != nil {
		err = c.cmd.Process.Signal(syscall.SIGINT) // ends the connections
		timer := time.AfterFunc(stopTimeout, func() { _ = c.cmd.Process.Kill() })
		err = errors.Join(err, c.cmd.Wait())
		timer.Stop()
	}
	if err != nil {
		err = fmt.Errorf("stop PostgreSQL: %w", err)
	}
	return errors.Join(err, os.RemoveAll(c.data))
}
