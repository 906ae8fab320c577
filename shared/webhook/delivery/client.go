package delivery

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"syscall"
	"time"

	"passbook/shared/webhook"
)

const (
	// attemptMost bounds an attempt from the resolution of the name to the end of the answer.
	attemptMost = 10 * time.Second
	// answerMost is how much of an answer is read: the rest is of no interest.
	answerMost = 4 << 10
	// connectionsMost bounds the idle connections to one host. Those in use are bounded by the
	// attempts: a bound for each host would let one endpoint delay another there.
	connectionsMost = 8
	// headersMost bounds the headers of an answer.
	headersMost = 16 << 10
)

// The headers of an attempt beside its signature.
const (
	HeaderEventID  = "Passbook-Event-Id"
	HeaderEndpoint = "Passbook-Webhook-Id"
	HeaderAttempt  = "Passbook-Attempt"
)

// Client posts events. It is safe for concurrent use.
type Client struct {
	agent         string
	secure, plain *http.Client
	now           func() time.Time
}

// NewClient returns a client that sends to addresses of the internet, and to those that are
// allowed. It uses no proxy and follows no redirect. version is the program's.
func NewClient(version string, allowed Allowed, now func() time.Time) *Client {
	return &Client{agent: "Passbook/" + version, secure: newHTTP(allowed.control(false)), plain: newHTTP(allowed.control(true)), now: now}
}

// newHTTP returns an HTTP client whose dialer refuses addresses.
func newHTTP(control func(network, address string, c syscall.RawConn) error) *http.Client {
	dialer := &net.Dialer{Timeout: attemptMost / 2, Control: control}
	return &http.Client{
		Transport: &http.Transport{
			Proxy: nil, DialContext: dialer.DialContext, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}, TLSHandshakeTimeout: attemptMost / 2,
			MaxIdleConns: 8 * connectionsMost, MaxIdleConnsPerHost: connectionsMost, IdleConnTimeout: 30 * time.Second,
			MaxResponseHeaderBytes: headersMost, DisableCompression: true, ForceAttemptHTTP2: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Outcome is what became of an attempt.
type Outcome struct {
	// Status is what was answered, 0 for no answer.
	Status int
	// Err says why the event was not taken; nil says that it was.
	Err error
	// Took is how long the attempt took.
	Took time.Duration
}

// message is an event as it is posted.
type message struct {
	id      string
	body    []byte
	attempt int64
}

// Post sends a message to an endpoint. Only a status of 2xx takes it.
func (c *Client) Post(ctx context.Context, e *webhook.Endpoint, m message) Outcome {
	began := c.now()
	ctx, cancel := context.WithTimeout(ctx, attemptMost)
	defer cancel()
	status, err := c.post(ctx, e, m)
	return Outcome{Status: status, Err: err, Took: c.now().Sub(began)}
}

// post sends a message and returns the status of the answer.
func (c *Client) post(ctx context.Context, e *webhook.Endpoint, m message) (int, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, e.URL, bytes.NewReader(m.body))
	if err != nil {
		return 0, fmt.Errorf("the URL cannot be used: %w", err)
	}
	at := c.now()
	h := request.Header
	h.Set("Content-Type", "application/json")
	h.Set("User-Agent", c.agent)
	h.Set(HeaderEndpoint, e.ID)
	h.Set(HeaderEventID, m.id)
	h.Set(HeaderAttempt, strconv.FormatInt(m.attempt, 10))
	h.Set(webhook.HeaderSignature, webhook.Sign(at, m.body, e.Signing(at)))
	client := c.secure
	if request.URL.Scheme == "http" {
		client = c.plain
	}
	answer, err := client.Do(request)
	if err != nil {
		return 0, explain(err)
	}
	// read so that the connection can be used again; the status alone counts
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, answerMost))
	_ = answer.Body.Close()
	switch {
	case answer.StatusCode >= 200 && answer.StatusCode < 300:
		return answer.StatusCode, nil
	case answer.StatusCode >= 300 && answer.StatusCode < 400:
		return answer.StatusCode, fmt.Errorf("it answered %d, a redirect, which is not followed: set the URL that it leads to", answer.StatusCode)
	}
	return answer.StatusCode, fmt.Errorf("it answered %d", answer.StatusCode)
}

// explain returns why there was no answer, without the URL: it may contain a secret.
func explain(err error) error {
	var refusal *refusedError
	var wrapped *url.Error
	var unresolved *net.DNSError
	switch {
	case errors.As(err, &refusal):
		return refusal
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("no answer within %v", attemptMost)
	case errors.As(err, &unresolved) && unresolved.IsNotFound:
		return fmt.Errorf("no address has the name %s: correct the URL, or the name", unresolved.Name)
	case errors.As(err, &unresolved):
		return fmt.Errorf("the name %s cannot be resolved now", unresolved.Name)
	case errors.As(err, &wrapped):
		return wrapped.Err
	}
	return err
}

// Send posts a body that is no event of an account, once.
func (c *Client) Send(ctx context.Context, e *webhook.Endpoint, id string, body []byte) Outcome {
	return c.Post(ctx, e, message{id: id, body: body, attempt: 1})
}
