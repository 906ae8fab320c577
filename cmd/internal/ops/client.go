package ops

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

const (
	// pollEvery is how often Run asks for the state of a job.
	pollEvery = 250 * time.Millisecond
	// callTimeout bounds one request; the listener is on the same machine.
	callTimeout = 10 * time.Second
	// maxAnswer bounds the bytes that a client reads of an answer.
	maxAnswer = 16 << 20
)

// ErrRefused means that the answer was a problem document. The error around it has its code and its
// detail.
var ErrRefused = errors.New("refused")

// ErrStranger means that the process at the address does not know the secret: it is not the bank of
// the data directory, and nothing that it answers counts.
var ErrStranger = errors.New("the process that answers is not the bank of this data directory")

// Client talks to the registry of a running process. Safe for concurrent use.
type Client struct {
	base, secret string
	http         *http.Client
}

// NewClient makes a client of the listener at address, host:port, that asks for the secret; empty
// for one of a release whose listener asked for none. It connects with the first request.
func NewClient(address, secret string) *Client {
	return &Client{base: "http://" + address + "/ops/jobs", secret: secret, http: &http.Client{
		Timeout: callTimeout, Transport: &http.Transport{Proxy: nil, DisableKeepAlives: true},
	}}
}

// Start starts a job.
func (c *Client) Start(ctx context.Context, asked Request) (Job, error) {
	if c.secret == "" { // a release that knew neither
		asked.Actor, asked.Reason = "", ""
	}
	body, err := asked.body()
	if err != nil {
		return Job{}, err
	}
	return c.call(ctx, http.MethodPost, "", body)
}

// body returns the request as parseRequest reads it.
func (r Request) body() ([]byte, error) {
	members := map[string]json.RawMessage{}
	if len(r.Params) > 0 {
		if err := json.Unmarshal(r.Params, &members); err != nil {
			return nil, fmt.Errorf("parameters of job %s: %w", r.Job, err)
		}
	}
	if members == nil { // parameters that are null
		members = map[string]json.RawMessage{}
	}
	for name, text := range map[string]string{"job": r.Job, "actor": r.Actor, "reason": r.Reason} {
		if text == "" {
			continue
		}
		member, err := json.Marshal(text)
		if err != nil {
			return nil, fmt.Errorf("%s of job %s: %w", name, r.Job, err)
		}
		members[name] = member
	}
	return json.Marshal(members)
}

// Get returns the state of a job.
func (c *Client) Get(ctx context.Context, id string) (Job, error) {
	return c.call(ctx, http.MethodGet, "/"+id, nil)
}

// Cancel asks a job to stop.
func (c *Client) Cancel(ctx context.Context, id string) (Job, error) {
	return c.call(ctx, http.MethodDelete, "/"+id, nil)
}

// Run starts a job and follows it to its end. watch, if not nil, is called with every state that is
// seen, the last one too. When ctx ends, the job is cancelled and Run waits a few seconds for it to
// stop. An error means that the job's end was not seen, or not reached; a job that failed is no
// error here.
func (c *Client) Run(ctx context.Context, asked Request, watch func(Job)) (Job, error) {
	job, err := c.Start(ctx, asked)
	if err != nil {
		return job, err
	}
	following, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() {
		stopping, done := context.WithTimeout(following, callTimeout)
		defer done()
		if _, err := c.Cancel(stopping, job.ID); err != nil {
			cancel()
			return
		}
		<-stopping.Done() // until the end was seen, or it took too long
		cancel()
	})()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		if watch != nil {
			watch(job)
		}
		if job.Ended() {
			return job, nil
		}
		select {
		case <-tick.C:
		case <-following.Done():
			return job, fmt.Errorf("follow job %s: %w", asked.Job, context.Cause(ctx))
		}
		if job, err = c.Get(following, job.ID); err != nil {
			return job, err
		}
	}
}

func (c *Client) call(ctx context.Context, method, path string, body []byte) (Job, error) {
	var job Job
	request, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return job, fmt.Errorf("ask the bank for a job: %w", err)
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	nonce := rand.Text()
	if c.secret != "" {
		request.Header.Set("Authorization", "Bearer "+c.secret)
		request.Header.Set(headerNonce, nonce)
	}
	answer, err := c.http.Do(request)
	if err != nil {
		return job, fmt.Errorf("ask the bank for a job: %w", err)
	}
	defer func() { _ = answer.Body.Close() }()
	if want := proof(sha256.Sum256([]byte(c.secret)), nonce); c.secret != "" && !hmac.Equal([]byte(answer.Header.Get(headerProof)), []byte(want)) {
		return job, ErrStranger
	}
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return job, fmt.Errorf("ask the bank for a job: %w", err)
	}
	if answer.StatusCode >= http.StatusBadRequest {
		return job, refused(answer.StatusCode, text)
	}
	if err := json.Unmarshal(text, &job); err != nil {
		return job, fmt.Errorf("read a job: %w", err)
	}
	return job, nil
}

// refused returns the error of a problem document.
func refused(status int, text []byte) error {
	var document struct{ Type, Detail, Cause string }
	if json.Unmarshal(text, &document) != nil || document.Type == "" {
		return fmt.Errorf("%w: status %d", ErrRefused, status)
	}
	if document.Cause != "" {
		return fmt.Errorf("%w: %w%s", ErrRefused, ErrParams, strings.TrimPrefix(document.Cause, ErrParams.Error()))
	}
	return fmt.Errorf("%w: %s: %s", ErrRefused, document.Type, document.Detail)
}
