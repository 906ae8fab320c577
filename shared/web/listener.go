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
	// acceptFailureCounts is how long a failure to accept a connection counts: net/http tries again
	// after a second at most.
	acceptFailureCounts = 3 * time.Second
	// acceptFirstPause and acceptMaxPause bound the pause between two log lines about it.
	acceptFirstPause = time.Second
	acceptMaxPause   = time.Minute
)

// watchedListener reports when no connection can be accepted, for instance because the process has
// no file descriptor left: in the log, at growing intervals, and to /readyz, which is asked over
// the connections that exist.
type watchedListener struct {
	net.Listener
	log *slog.Logger

	mu sync.Mutex
	// err is why the last attempt failed, at is when, logged is when that was last logged, after
	// pause.
	err        error
	at, logged time.Time
	pause      time.Duration
}

// Accept waits for a connection and remembers whether one could be accepted.
func (l *watchedListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if !errors.Is(err, net.ErrClosed) {
		l.note(err)
	}
	return c, err
}

// note records how an attempt ended.
func (l *watchedListener) note(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if err == nil {
		if l.err != nil {
			l.log.Info("connections are accepted again")
		}
		l.err, l.pause = nil, 0
		return
	}
	l.err, l.at = err, now
	if now.Sub(l.logged) >= l.pause {
		l.logged, l.pause = now, min(max(2*l.pause, acceptFirstPause), acceptMaxPause)
		l.log.Warn("no connection can be accepted; open connections are served. Raise the limit of open files (ulimit -n), or open fewer connections", "error", err)
	}
}

// ready returns nil while connections are accepted.
func (l *watchedListener) ready() error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil && time.Since(l.at) < acceptFailureCounts {
		return fmt.Errorf("no connection can be accepted: %w", l.err)
	}
	return nil
}
