package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

const (
	// callMost bounds a call; a read that waits for a version waits up to 30 seconds.
	callMost = 40 * time.Second
	// maxAnswer is the most bytes of an answer: a page of 100 events with their texts is far below.
	maxAnswer = 16 << 20
)

// Client calls the bank's API. It has no rights until As gives it a caller's. It may be used
// concurrently.
type Client struct {
	http   *http.Client
	bearer string
}

// New returns a client that sends its requests through a transport, which finds the server by the
// path alone.
func New(transport http.RoundTripper) *Client {
	return &Client{http: &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// As returns the client with a caller's bearer token; an empty one sends none.
func (c *Client) As(bearer string) *Client { return &Client{http: c.http, bearer: bearer} }

// Answer is what the API answered.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Get reads a path, with its query, into a value, which is nil for none. A refusal is a *Problem.
func (c *Client) Get(ctx context.Context, path string, into any) (*Answer, error) {
	answer, err := c.Do(ctx, http.MethodGet, path, nil, nil)
	if err != nil || into == nil {
		return answer, err
	}
	if err := json.Unmarshal(answer.Body, into); err != nil {
		return answer, fmt.Errorf("read the answer of GET %s: %w", path, err)
	}
	return answer, nil
}

// Do sends a request with a JSON body, nil for none. The answer is returned beside the *Problem of
// a refusal.
func (c *Client) Do(ctx context.Context, method, path string, header http.Header, body []byte) (*Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, callMost)
	defer cancel()
	response, err := c.send(ctx, method, path, header, body)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }() // it was read
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if err == nil && len(text) > maxAnswer {
		err = fmt.Errorf("the answer has more than %d bytes", maxAnswer)
	}
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	answer := &Answer{Status: response.StatusCode, Header: response.Header, Body: text}
	if answer.Status >= http.StatusBadRequest {
		return answer, problemOf(answer)
	}
	return answer, nil
}

// Stream is an answer that is read as it comes. Who has it closes it.
type Stream struct {
	io.ReadCloser
	Header http.Header
}

// Open begins to read a path that is long, or does not end by itself. The caller closes the stream.
func (c *Client) Open(ctx context.Context, path string, header http.Header) (*Stream, error) {
	response, err := c.send(ctx, http.MethodGet, path, header, nil)
	if err != nil {
		return nil, err
	}
	if response.StatusCode < http.StatusBadRequest {
		return &Stream{response.Body, response.Header}, nil
	}
	defer func() { _ = response.Body.Close() }() // it was read
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("GET %s: %w", path, err)
	}
	return nil, problemOf(&Answer{Status: response.StatusCode, Header: response.Header, Body: text})
}

func (c *Client) send(ctx context.Context, method, path string, header http.Header, body []byte) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, "http://localhost"+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	for name, values := range header {
		request.Header[name] = values
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if c.bearer != "" {
		request.Header.Set("Authorization", "Bearer "+c.bearer)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	return response, nil
}
