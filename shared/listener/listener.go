package listener

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"
)

const (
	// failureCounts is how long a failure to accept a connection counts: net/http tries again after
	// a second at most.
	failureCounts = 3 * time.Second
	// firstPause and maxPause bound the pause between two log lines about it.
	firstPause = time.Second
	maxPause   = time.Minute
	// defaultMost is the most connections, where the system allows as many. An idle one has 14 KB.
	defaultMost = 8192
)

// Config configures a Listener. Log and Refusal are required.
type Config struct {
	Log *slog.Logger
	// TLS makes connections speak TLS; nil means that they do not.
	TLS *tls.Config
	// Most is the most connections at once; 0 is 8192, or three quarters of the files that the
	// process may open.
	Most int
	// Refusal returns the whole answer, header and body, that stands for a refusal of net/http with
	// a status, or for PlainHTTP. After it the connection is closed.
	Refusal func(status int) []byte
}

// PlainHTTP stands for a request without TLS on a listener that speaks TLS.
const PlainHTTP = 0

// Listener accepts connections for an http.Server. It reports when none can be accepted, for
// instance because the process has no file descriptor left: in the log, at growing intervals, and
// by Ready, which is asked over the connections that exist.
type Listener struct {
	net.Listener
	config Config
	crowd  *crowd

	mu sync.Mutex
	// err is why the last attempt failed, at is when, logged is when that was last logged, after
	// pause.
	err        error
	at, logged time.Time
	pause      time.Duration
}

// New wraps a listener.
func New(l net.Listener, c Config) *Listener {
	if c.Most == 0 {
		c.Most = min(defaultMost, max(openFiles()*3/4, 1))
	}
	return &Listener{Listener: l, config: c, crowd: newCrowd(c.Most)}
}

// errCrowded means that a connection was closed because all are taken.
var errCrowded = errors.New("all connections are taken by callers")

// Accept waits for a connection and remembers whether one could be accepted.
func (l *Listener) Accept() (net.Conn, error) {
	for {
		raw, err := l.Listener.Accept()
		if err != nil {
			if !errors.Is(err, net.ErrClosed) {
				l.note(err)
			}
			return nil, err
		}
		c := &conn{Conn: raw, raw: raw, listener: l}
		if !l.crowd.admit(c) {
			l.note(errCrowded)
			_ = raw.Close() // nothing was read or written
			continue
		}
		l.note(nil)
		if l.config.TLS == nil {
			return c, nil
		}
		secure := tls.Server(raw, l.config.TLS)
		c.Conn = secure
		return &secureConn{conn: c, tls: secure}, nil
	}
}

// note records how an attempt ended.
func (l *Listener) note(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if err == nil {
		if l.err != nil && now.Sub(l.at) >= failureCounts {
			l.config.Log.Info("connections are accepted again")
			l.err, l.pause = nil, 0
		}
		return
	}
	l.err, l.at = err, now
	if now.Sub(l.logged) >= l.pause {
		l.logged, l.pause = now, min(max(2*l.pause, firstPause), maxPause)
		l.config.Log.Warn("no connection can be accepted; open connections are served. Raise the limit of open files (ulimit -n), or open fewer connections", "error", err)
	}
}

// Ready returns nil while connections are accepted.
func (l *Listener) Ready(context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil && time.Since(l.at) < failureCounts {
		return fmt.Errorf("no connection can be accepted: %w", l.err)
	}
	return nil
}
