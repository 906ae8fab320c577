package affinity

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"passbook/shared/api"
	"passbook/shared/web"
	"passbook/shared/writer"
)

// What travels beside a command and beside its answer, and where it goes.
const (
	path           = "/commands"
	headerCommand  = "Passbook-Command"
	headerDeadline = "Passbook-Deadline-Ms"
	headerAnswer   = "Passbook-Answer"
	headerUndone   = "Passbook-Undone"
)

const (
	// dialMost is how long a connection to another writer may take: they are near.
	dialMost = 500 * time.Millisecond
	// pingAfter is how long a connection with calls on it may be silent before it is asked whether
	// it lives, and how long it may take to say so.
	pingAfter = time.Second
	idleMost  = time.Minute
	// connectionsMost bounds the connections to a writer. HTTP/2 sends many calls over one; without
	// a bound each of those that come before the first is there would open its own.
	connectionsMost = 2
	// maxAnswer bounds an answer.
	maxAnswer = 16 << 20
)

// undone are the refusals that say that nothing was stored, and that another writer may do better:
// the writer's, and those that may be the account's alone.
var undone = map[string]error{
	web.ShuttingDown.Code: ErrUndone, api.JournalUnavailable.Code: errAccount, api.ClockSkew.Code: errAccount,
}

// Client sends commands to other writers, over connections that it keeps. It is safe for concurrent
// use.
type Client struct {
	mu    sync.Mutex
	lines map[string]*http.Client // by address and secret
}

// NewClient makes a Client.
func NewClient() *Client { return &Client{lines: make(map[string]*http.Client)} }

// Close ends the connections that are idle.
func (c *Client) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, line := range c.lines {
		line.CloseIdleConnections()
	}
}

// line is the connections to a writer.
func (c *Client) line(to writer.Peer) (*http.Client, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	name := to.Address + " " + to.Secret
	if line := c.lines[name]; line != nil {
		return line, nil
	}
	config, err := knowing(to.Secret)
	if err != nil {
		return nil, err
	}
	if len(c.lines) > maxLines {
		for _, line := range c.lines {
			line.CloseIdleConnections()
		}
		clear(c.lines)
	}
	line := &http.Client{Transport: &http.Transport{
		DialContext: (&net.Dialer{Timeout: dialMost}).DialContext, TLSClientConfig: config, TLSHandshakeTimeout: dialMost,
		ForceAttemptHTTP2: true, IdleConnTimeout: idleMost, DisableCompression: true, MaxConnsPerHost: connectionsMost,
		HTTP2: &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingAfter},
	}}
	c.lines[name] = line
	return line, nil
}

// maxLines is how many writers' connections are kept: writers come and go, each with a secret of
// its own.
const maxLines = 1024

// Send has another writer decide a command, within the time of ctx, which needs a deadline.
func (c *Client) Send(ctx context.Context, to writer.Peer, f api.Forwarded) (api.Answer, error) {
	var sent atomic.Bool
	answer, err := c.send(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaders: func() { sent.Store(true) }}), to, f)
	switch {
	case err != nil && !sent.Load():
		return answer, fmt.Errorf("%w: %w", ErrUndone, err)
	case err != nil:
		return answer, err
	case undone[answer.Problem] != nil:
		return answer, fmt.Errorf("%w: %s", undone[answer.Problem], answer.Problem)
	// its deadline ends with ours, or a moment before
	case answer.Problem == api.OutcomeUnknown.Code:
		return answer, fmt.Errorf("send a command: %w: %s", context.DeadlineExceeded, answer.Problem)
	}
	return answer, nil
}

func (c *Client) send(ctx context.Context, to writer.Peer, f api.Forwarded) (answer api.Answer, err error) {
	line, err := c.line(to)
	if err != nil {
		return answer, err
	}
	meta, err := json.Marshal(f)
	if err != nil {
		return answer, fmt.Errorf("send a command: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+to.Address+path, bytes.NewReader(f.Body))
	if err != nil {
		return answer, fmt.Errorf("send a command: %w", err)
	}
	request.Header[headerCommand] = []string{string(meta)}
	if ends, ok := ctx.Deadline(); ok {
		request.Header[headerDeadline] = []string{strconv.FormatInt(time.Until(ends).Milliseconds(), 10)}
	}
	response, err := line.Do(request)
	if err != nil {
		return answer, fmt.Errorf("send a command: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	if cause := response.Header.Get(headerUndone); cause != "" {
		return answer, fmt.Errorf("%w: %s", ErrUndone, cause)
	}
	if err := json.Unmarshal([]byte(response.Header.Get(headerAnswer)), &answer); err != nil {
		return answer, fmt.Errorf("send a command: status %d without an answer", response.StatusCode)
	}
	if answer.Body, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer)); err != nil {
		return answer, fmt.Errorf("read the answer of another writer: %w", err)
	}
	return answer, nil
}
