package affinity

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"time"

	"passbook/shared/api"
	"passbook/shared/telemetry/trace"
	"passbook/shared/web"
	"passbook/shared/writer"
)

// The path of commands, and the headers beside a command and its answer.
const (
	path            = "/v2/commands"
	headerCall      = "Passbook-Call"
	headerSignature = "Passbook-Signature"
	headerAnswer    = "Passbook-Answer"
	headerUndone    = "Passbook-Undone"
	headerTrace     = "Traceparent" // not signed: it decides nothing
)

// olderPath is where a writer of an earlier release takes commands, and sends them. It knows no
// tenants and no signatures: it would decide the command of any tenant as one of the main tenant.
// So neither release sends the other anything that is decided.
const olderPath = "/commands"

const (
	// dialTimeout is how long a connection to another writer may take: it is in the same network.
	dialTimeout = 500 * time.Millisecond
	// pingAfter is how long a connection with calls on it may be silent before it is pinged, and
	// how long the answer to the ping may take.
	pingAfter = time.Second
	idleMost  = time.Minute
	// connectionsMost bounds the connections to a writer. HTTP/2 sends many calls over one. Without
	// a bound, each call before the first connection is open would open another.
	connectionsMost = 2
	// maxAnswer bounds an answer.
	maxAnswer = 16 << 20
)

// undone has the refusals after which nothing was stored and another writer may succeed: those of
// the writer, and those that may be the account's alone.
var undone = map[string]error{
	web.ShuttingDown.Code: ErrUndone, api.JournalUnavailable.Code: errAccount, api.ClockSkew.Code: errAccount,
}

// Client sends commands to other writers and keeps its connections. It is safe for concurrent use.
type Client struct {
	keys Keys

	mu      sync.Mutex
	clients map[string]*http.Client // by address and secret
}

// NewClient returns a Client without connections, which signs what it sends.
func NewClient(keys Keys) *Client { return &Client{keys: keys, clients: make(map[string]*http.Client)} }

// Close closes the idle connections.
func (c *Client) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, client := range c.clients {
		client.CloseIdleConnections()
	}
}

// client returns the HTTP client of a writer.
func (c *Client) client(to writer.Peer) (*http.Client, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	name := to.Address + " " + to.Secret
	if client := c.clients[name]; client != nil {
		return client, nil
	}
	config, err := sharedSecretTLS(to.Secret)
	if err != nil {
		return nil, err
	}
	if len(c.clients) > maxClients {
		for _, client := range c.clients {
			client.CloseIdleConnections()
		}
		clear(c.clients)
	}
	client := &http.Client{Transport: &http.Transport{
		DialContext: (&net.Dialer{Timeout: dialTimeout}).DialContext, TLSClientConfig: config, TLSHandshakeTimeout: dialTimeout,
		ForceAttemptHTTP2: true, IdleConnTimeout: idleMost, DisableCompression: true, MaxConnsPerHost: connectionsMost,
		HTTP2: &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingAfter},
	}}
	c.clients[name] = client
	return client, nil
}

// maxClients is how many writers' connections are kept. Writers come and go, each with another
// secret.
const maxClients = 1024

// Send lets another writer decide a command, within the time of ctx, which needs a deadline. Its
// error is ErrUndone where that writer surely did nothing.
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
	// the other writer's deadline is ours, or a moment before
	case answer.Problem == api.OutcomeUnknown.Code:
		return answer, fmt.Errorf("send a command: %w: %s", context.DeadlineExceeded, answer.Problem)
	}
	return answer, nil
}

func (c *Client) send(ctx context.Context, to writer.Peer, f api.Forwarded) (answer api.Answer, err error) {
	client, err := c.client(to)
	if err != nil {
		return answer, err
	}
	ends, ok := ctx.Deadline()
	if !ok {
		return answer, errors.New("send a command: it has no deadline")
	}
	now := time.Now()
	meta, err := json.Marshal(call{Sent: now.UnixMicro(), Left: ends.Sub(now).Milliseconds(), Forwarded: f})
	if err != nil {
		return answer, fmt.Errorf("send a command: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+to.Address+path, bytes.NewReader(f.Body))
	if err != nil {
		return answer, fmt.Errorf("send a command: %w", err)
	}
	request.Header[headerCall] = []string{string(meta)}
	request.Header[headerSignature] = []string{sign(c.keys, to.Secret, meta, f.Body)}
	if parent := trace.From(ctx).Parent(); parent != "" {
		request.Header[headerTrace] = []string{parent}
	}
	response, err := client.Do(request)
	if err != nil {
		return answer, fmt.Errorf("send a command: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	if cause := response.Header.Get(headerUndone); cause != "" {
		return answer, fmt.Errorf("%w: %s", ErrUndone, cause)
	}
	if response.StatusCode == http.StatusNotFound {
		return answer, fmt.Errorf("%w: it is of an earlier release", ErrUndone)
	}
	if err := json.Unmarshal([]byte(response.Header.Get(headerAnswer)), &answer); err != nil {
		return answer, fmt.Errorf("send a command: answered with status %d and no %s header", response.StatusCode, headerAnswer)
	}
	if answer.Body, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer)); err != nil {
		return answer, fmt.Errorf("read the answer to a command: %w", err)
	}
	return answer, nil
}
