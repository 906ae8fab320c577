package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"

	"passbook/shared/backoff"

	"github.com/google/uuid"
)

// Option says how one call is made.
type Option func(*call)

// Key sets the Idempotency-Key of a command, in place of one that the client makes. A program that
// may be killed before it has the answer keeps the key itself, and repeats the command with it.
func Key(key string) Option { return func(c *call) { c.key = key } }

// IfMatch makes a command fail with version-mismatch unless the account is at this version.
func IfMatch(version int64) Option {
	return func(c *call) { c.header.Set("If-Match", strconv.Quote(strconv.FormatInt(version, 10))) }
}

// DryRun has a command only decided. Its Result has Rehearsed, and nothing was stored.
func DryRun() Option { return func(c *call) { c.query.Set("dry_run", "true") } }

// MinVersion reads an account at this version or a newer one, in place of the version
// of the client's own newest command; 0 takes what is there.
func MinVersion(version int64) Option { return func(c *call) { c.min = &version } }

// Wait bounds how long a read waits for its version, in place of Options.Wait.
func Wait(d time.Duration) Option { return func(c *call) { c.wait = min(d, 30*time.Second) } }

// At reads the state at an instant.
func At(instant time.Time) Option {
	return func(c *call) { c.query.Set("at", instant.UTC().Format(time.RFC3339Nano)) }
}

// AtVersion reads the state at a version.
func AtVersion(version int64) Option {
	return func(c *call) { c.query.Set("version", strconv.FormatInt(version, 10)) }
}

// RequestID sets X-Request-ID: the correlation id in the bank's logs and in the events of the
// command.
func RequestID(id string) Option { return header("X-Request-ID", id) }

// Traceparent sets the W3C trace context that the bank's spans continue.
func Traceparent(value string) Option { return header("Traceparent", value) }

// Body puts the answer as it came into the variable, whatever its status: for programs that pass it
// on, or that want fields that this client does not know yet.
func Body(into *[]byte) Option { return func(c *call) { c.raw = into } }

// Once sends the request once.
func Once() Option { return func(c *call) { c.single = true } }

// Response puts the bank's last answer into the variable, whatever its status; its body is read.
func Response(into **http.Response) Option { return func(c *call) { c.response = into } }

// header sets a header of the request, if it has a value.
func header(name, value string) Option {
	return func(c *call) {
		if value != "" {
			c.header.Set(name, value)
		}
	}
}

// call is one call of the bank, over all its attempts.
type call struct {
	method, path string
	query        url.Values
	header       http.Header
	body         []byte
	// stream is a body that is written while the answer is read.
	stream io.Reader
	// key is the Idempotency-Key of a command, empty for a read.
	key    string
	min    *int64
	wait   time.Duration
	raw    *[]byte
	single bool
	// response is where the last answer is put, if not nil.
	response **http.Response
	// unknown reports that an attempt may have been executed although no answer told.
	unknown atomic.Bool
}

// answer is what the bank answered to the last attempt.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// newCall makes a call with its options.
func (c *Client) newCall(method, path string, options []Option) *call {
	made := &call{method: method, path: path, query: url.Values{}, header: http.Header{}, wait: c.options.Wait}
	for _, option := range options {
		option(made)
	}
	return made
}

// command sends a command under one Idempotency-Key, which all its attempts have.
func (c *Client) command(ctx context.Context, method, path string, body any, options []Option) (*Result, error) {
	made := c.newCall(method, path, options)
	if made.key == "" {
		made.key = uuid.NewString()
	}
	made.header.Set("Idempotency-Key", made.key)
	var err error
	if made.body, err = json.Marshal(body); err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	made.header.Set("Content-Type", "application/json")
	got, err := c.attempt(ctx, made)
	if err != nil {
		c.rememberRefusal(err)
		return nil, &CommandError{Key: made.key, Unknown: made.unknown.Load() && !made.query.Has("dry_run"), Err: err}
	}
	result := &Result{Status: got.status, Key: made.key, Replayed: got.header.Get("Idempotency-Replayed") == "true", CorrelationID: got.header.Get("X-Request-ID")}
	into := any(&result.Answer)
	if made.query.Has("dry_run") {
		result.Rehearsed = &Rehearsal{}
		into = result.Rehearsed
	}
	if err := json.Unmarshal(got.body, into); err != nil {
		err = fmt.Errorf("%s %s was answered with %d and no answer to a command: %w", method, path, got.status, err)
		return nil, &CommandError{Key: made.key, Unknown: result.Rehearsed == nil, Err: err}
	}
	c.rememberAnswer(&result.Answer)
	return result, nil
}

// Do makes a call that this client has no method for: a body that is not nil is sent as JSON, and
// the answer is decoded into the variable, unless that is nil. What is no GET is sent once, unless
// it has a Key.
func (c *Client) Do(ctx context.Context, method, path string, body, into any, options ...Option) error {
	made := c.newCall(method, path, options)
	if made.key != "" {
		made.header.Set("Idempotency-Key", made.key)
	}
	if body != nil {
		var err error
		if made.body, err = json.Marshal(body); err != nil {
			return fmt.Errorf("%s %s: %w", method, path, err)
		}
		made.header.Set("Content-Type", "application/json")
	}
	got, err := c.attempt(ctx, made)
	if err != nil && made.key != "" {
		return &CommandError{Key: made.key, Unknown: made.unknown.Load(), Err: err}
	}
	if err != nil || into == nil {
		return err
	}
	if err := json.Unmarshal(got.body, into); err != nil {
		err = fmt.Errorf("%s %s: the answer is not as the contract has it: %w", method, path, err)
		if made.key != "" {
			return &CommandError{Key: made.key, Unknown: true, Err: err}
		}
		return err
	}
	return nil
}

// get reads a resource.
func get[T any](ctx context.Context, c *Client, path string, query url.Values, options []Option) (*T, error) {
	made := c.newCall(http.MethodGet, path, options)
	made.set(query)
	return read[T](ctx, c, made)
}

// set adds parameters to the query.
func (c *call) set(query url.Values) { maps.Copy(c.query, query) }

// read carries a read out and decodes its answer.
func read[T any](ctx context.Context, c *Client, made *call) (*T, error) {
	into := new(T)
	got, err := c.attempt(ctx, made)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(got.body, into); err != nil {
		return nil, fmt.Errorf("GET %s: the answer is not as the contract has it: %w", made.path, err)
	}
	return into, nil
}

// attempt sends a call until it has an answer, a refusal that repetition does not change, or no
// attempt or time left. Its error is a *Problem, a *Unreachable, or that of ctx.
func (c *Client) attempt(ctx context.Context, made *call) (*answer, error) {
	for try := 0; ; try++ {
		got, err := c.once(ctx, made)
		if err == nil {
			if made.raw != nil {
				*made.raw = got.body
			}
			return got, nil
		}
		pause, again := pauseAfter(err, try)
		if made.single || made.method != http.MethodGet && made.key == "" {
			again = false
		}
		if !again || try+1 >= c.options.Attempts || ctx.Err() != nil {
			return nil, err
		}
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < pause {
			return nil, err
		}
		if backoff.Sleep(ctx, pause) != nil {
			return nil, err
		}
	}
}

// once sends a call once. Its deadline allows for what the read waits in the bank.
func (c *Client) once(ctx context.Context, made *call) (*answer, error) {
	ctx, cancel := context.WithTimeout(ctx, c.options.CallTimeout+max(made.wait, 0))
	defer cancel()
	response, err := c.send(ctx, made)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if made.response != nil {
		*made.response = response
	}
	body, err := c.readAll(response)
	if err != nil {
		made.unknown.Store(made.key != "")
		return nil, err
	}
	if response.StatusCode < http.StatusOK || response.StatusCode >= http.StatusMultipleChoices {
		if made.raw != nil {
			*made.raw = body
		}
		refusal := readProblem(response, body)
		made.settle(refusal)
		return nil, refusal
	}
	made.unknown.Store(false)
	return &answer{response.StatusCode, response.Header, body}, nil
}

// readAll reads the body of an answer that is held in memory.
func (c *Client) readAll(response *http.Response) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if err == nil && len(body) > maxAnswer {
		return nil, fmt.Errorf("the answer of %s has more than %d MiB", c.options.URL, maxAnswer>>20)
	}
	if err != nil {
		return nil, &Unreachable{URL: c.options.URL, Err: fmt.Errorf("read the answer: %w", err)}
	}
	return body, nil
}

// refusal reads the refusal that an answer is.
func (c *Client) refusal(response *http.Response) error {
	body, err := c.readAll(response)
	if err != nil {
		return err
	}
	return readProblem(response, body)
}

// settle notes what a refusal says of the command's outcome: one that was decided settles it, also
// for the attempts before it, since all have the same key.
func (c *call) settle(refusal *Problem) {
	switch {
	case c.key == "", refusal.Code == "" && refusal.Status < 500: // what no bank wrote tells nothing
	case refusal.Status == http.StatusGatewayTimeout, refusal.Status == http.StatusInternalServerError, refusal.Status == http.StatusBadGateway:
		c.unknown.Store(true)
	case !refusal.Retryable && refusal.Status != http.StatusUnauthorized && refusal.Status != http.StatusForbidden && refusal.Status != http.StatusTooManyRequests && refusal.Status < 500:
		c.unknown.Store(false)
	}
}

// send sends a call and returns the answer with its body unread.
func (c *Client) send(ctx context.Context, made *call) (*http.Response, error) {
	address := c.options.URL + made.path
	if len(made.query) > 0 {
		address += "?" + made.query.Encode()
	}
	var connected atomic.Bool
	traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected.Store(true) }})
	body := made.stream
	if body == nil {
		body = bytes.NewReader(made.body)
	}
	request, err := http.NewRequestWithContext(traced, made.method, address, body)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", made.method, made.path, err)
	}
	request.Header = made.header.Clone()
	request.Header.Set("User-Agent", c.options.UserAgent)
	if c.options.Key != "" {
		request.Header.Set("Authorization", "Bearer "+c.options.Key)
	}
	response, err := c.http.Do(request)
	if err != nil {
		if connected.Load() && made.key != "" {
			made.unknown.Store(true)
		}
		var wrapped *url.Error // its text repeats method and address
		if errors.As(err, &wrapped) {
			err = wrapped.Err
		}
		return nil, &Unreachable{URL: c.options.URL, Err: fmt.Errorf("%s %s: %w", made.method, made.path, err)}
	}
	return response, nil
}
