package web

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"
)

const (
	// doorHeard is how long a failure to take a connection counts: net/http tries again after a
	// second at most.
	doorHeard = 3 * time.Second
	// doorFirst and doorMost are the gaps between two lines about it in the log.
	doorFirst = time.Second
	doorMost  = time.Minute
)

// door is the server's listener. It tells when no connection can be taken, as when the process has
// no file descriptor left: in the log, with growing gaps, and to readiness, which is asked over the
// connections that there are.
type door struct {
	net.Listener
	log *slog.Logger

	mu sync.Mutex
	// err is why the last attempt failed, at when, said when that was last logged, after gap.
	err      error
	at, said time.Time
	gap      time.Duration
}

// Accept takes a connection.
func (d *door) Accept() (net.Conn, error) {
	c, err := d.Listener.Accept()
	if !errors.Is(err, net.ErrClosed) {
		d.note(err)
	}
	return c, err
}

// note remembers how an attempt ended.
func (d *door) note(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	if err == nil {
		if d.err != nil {
			d.log.Info("connections are taken again")
		}
		d.err, d.gap = nil, 0
		return
	}
	d.err, d.at = err, now
	if now.Sub(d.said) >= d.gap {
		d.said, d.gap = now, min(max(2*d.gap, doorFirst), doorMost)
		d.log.Warn("no connection can be taken; those that there are go on. Raise the limit of open files (ulimit -n), or open fewer connections", "error", err)
	}
}

// ready says whether connections are taken.
func (d *door) ready() error {
	if d == nil {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err != nil && time.Since(d.at) < doorHeard {
		return fmt.Errorf("no connection can be taken: %w", d.err)
	}
	return nil
}
