package listener

import (
	"bytes"
	"container/list"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"passbook/shared/admission"
)

const (
	// handshakeMost bounds a TLS handshake.
	handshakeMost = 5 * time.Second
	// lingerMost is how long a refused connection is read after its answer, so that the caller has
	// the answer before the system resets what it still sends.
	lingerMost = 500 * time.Millisecond
	// maxLinger bounds what is read then.
	maxLinger = 256 << 10
)

// conn is a connection. Where net/http refuses a request by itself, it writes a problem document.
type conn struct {
	net.Conn          // TLS, or raw
	raw      net.Conn // without TLS
	listener *Listener
	closing  sync.Once
	refused  atomic.Bool // by an answer that was written here
	ended    atomic.Bool // by End
	// Only the goroutine that serves the connection uses these: whether it was claimed, and whose
	// it is then.
	claimed bool
	mine    admission.Caller

	// The crowd's, under its mutex: whose the connection is, unless at, its place among those of
	// nobody, is set; gone means that it no longer counts.
	who  admission.Caller
	at   *list.Element
	gone bool
}

// Write writes what net/http has to send, or the problem document that stands for it.
func (c *conn) Write(b []byte) (int, error) {
	status, own := refusal(b)
	if !own {
		return c.Conn.Write(b)
	}
	c.refused.Store(true)
	if _, err := c.Conn.Write(c.listener.config.Refusal(status)); err != nil {
		return 0, err
	}
	return len(b), nil
}

// The beginnings of what net/http writes where it refuses a request by itself: its errors, which no
// handler of ours could write since their first header would be another, and the answer to an
// Expect header that it does not know.
var (
	version     = []byte("HTTP/1.1 ")
	errorHeader = []byte("\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n")
	expectation = []byte("417 Expectation Failed\r\n")
)

// refusal returns the status of an answer that net/http wrote by itself.
func refusal(b []byte) (status int, own bool) {
	if len(b) < len(version)+4 || b[9] != '4' && b[9] != '5' || !bytes.HasPrefix(b, version) {
		return 0, false
	}
	rest := b[len(version):]
	end := bytes.IndexByte(rest, '\r')
	if end < 0 || !bytes.HasPrefix(rest[end:], errorHeader) && !bytes.HasPrefix(rest, expectation) {
		return 0, false
	}
	for _, digit := range rest[:3] {
		status = 10*status + int(digit-'0')
	}
	return status, true
}

// errEnded is what reading gives after End. An io.EOF would be the end of a body.
var errEnded = errors.New("listener: the connection serves no other request")

// Read reads what the caller sends.
func (c *conn) Read(b []byte) (int, error) {
	if c.ended.Load() {
		return 0, errEnded
	}
	return c.Conn.Read(b)
}

// CloseWrite ends what is sent, so that the caller sees the end of an answer.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// Close closes the connection.
func (c *conn) Close() error {
	c.closing.Do(func() {
		if c.refused.Load() || c.ended.Load() {
			linger(c.Conn, c)
		}
		c.listener.crowd.leave(c)
	})
	return c.Conn.Close()
}

// linger ends what is sent on a connection and reads what still comes, for a moment.
func linger(from io.Reader, half interface {
	CloseWrite() error
	SetReadDeadline(t time.Time) error
}) {
	if half.CloseWrite() == nil && half.SetReadDeadline(time.Now().Add(lingerMost)) == nil {
		_, _ = io.Copy(io.Discard, io.LimitReader(from, maxLinger))
	}
}

// secureConn is a connection that speaks TLS.
type secureConn struct {
	*conn
	tls    *tls.Conn
	failed bool
}

// ConnectionState returns what the handshake agreed on. net/http calls it first of all, so the
// handshake is made here.
func (c *secureConn) ConnectionState() tls.ConnectionState {
	if c.tls.SetDeadline(time.Now().Add(handshakeMost)) == nil {
		c.handshake()
	}
	return c.tls.ConnectionState()
}

// handshake makes the handshake. A request without TLS gets a problem document.
func (c *secureConn) handshake() {
	err := c.tls.HandshakeContext(context.Background()) // the deadline of the connection bounds it
	if err == nil {
		c.failed = c.tls.SetDeadline(time.Time{}) != nil
		return
	}
	c.failed = true
	c.listener.config.Log.Debug("TLS handshake failed", "from", c.RemoteAddr().String(), "error", err)
	var plain tls.RecordHeaderError
	if !errors.As(err, &plain) || plain.Conn == nil || !looksLikeHTTP(plain.RecordHeader) {
		return
	}
	if _, err := plain.Conn.Write(c.listener.config.Refusal(PlainHTTP)); err == nil {
		if tcp, ok := plain.Conn.(*net.TCPConn); ok {
			linger(tcp, tcp)
		}
	}
}

// Read reads from the connection, or reports its end where there was no handshake.
func (c *secureConn) Read(b []byte) (int, error) {
	if c.failed {
		return 0, io.EOF
	}
	return c.conn.Read(b)
}

// looksLikeHTTP reports whether what should be the header of a TLS record begins a request.
func looksLikeHTTP(header [5]byte) bool {
	switch method, _, _ := strings.Cut(string(header[:]), " "); method {
	case "GET", "HEAD", "POST", "PUT", "OPTIO", "DELET", "PATCH", "TRACE", "CONNE":
		return true
	}
	return false
}

// connKey is the key of a request's connection in its context.
type connKey struct{}

// Context returns the context of a connection's requests. It is an http.Server's ConnContext.
func Context(ctx context.Context, c net.Conn) context.Context {
	switch c := c.(type) {
	case *conn:
		return context.WithValue(ctx, connKey{}, c)
	case *secureConn:
		return context.WithValue(ctx, connKey{}, c.conn)
	}
	return ctx
}

// Claim makes the connection of a request the caller's, and reports whether the caller's share
// allows it. ctx is that of the request. The zero Caller has no share. A connection that is no
// Listener's is anybody's.
func Claim(ctx context.Context, who admission.Caller) bool {
	c, ok := ctx.Value(connKey{}).(*conn)
	if !ok || c.claimed && c.mine == who {
		return true
	}
	if !c.listener.crowd.claim(c, who) {
		return false
	}
	c.claimed, c.mine = true, who
	return true
}

// End makes a request the last of its connection, and reports whether it could: a connection that
// is no Listener's stays as it is. Nothing is read from it after this, so a handler that has begun
// its answer can leave the rest of a body unread.
func End(ctx context.Context) bool {
	c, ok := ctx.Value(connKey{}).(*conn)
	if ok {
		c.ended.Store(true)
	}
	return ok
}
