package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"passbook/shared/api"
	"passbook/shared/backoff"
)

const (
	callTimeout = 15 * time.Second
	// attempts bounds how often a command is sent if the answer allows a repetition.
	attempts    = 6
	maxResponse = 1 << 20
)

// client calls a bank.
type client struct {
	base string
	// bearer is the credential of every request, empty for none.
	bearer string
	http   *http.Client
}

// receipt is the answer to a command.
type receipt struct {
	api.CommandAnswer
	// Replayed says that this is the answer to an earlier command with the same key.
	Replayed bool `json:"-"`
}

// problem is a refusal.
type problem struct {
	Code           string `json:"-"`
	Type           string `json:"type"`
	Detail         string `json:"detail"`
	Status         int    `json:"status"`
	AccountVersion int64  `json:"account_version"`
	Available      int64  `json:"available"`
	Shortfall      int64  `json:"shortfall"`
	Retryable      bool   `json:"retryable"`
}

// Error names the refusal.
func (p *problem) Error() string { return fmt.Sprintf("%d %s: %s", p.Status, p.Code, p.Detail) }

// command sends a command under a key, again with the same key while the bank says that it may be
// repeated. A refusal is a *problem.
func (c *client) command(ctx context.Context, method, path, key string, body any) (receipt, error) {
	var r receipt
	data, err := json.Marshal(body)
	if err != nil {
		return r, fmt.Errorf("%s %s: %w", method, path, err)
	}
	for try := 1; ; try++ {
		header, err := c.call(ctx, method, path, key, data, &r)
		var refused *problem
		if errors.As(err, &refused) && refused.Retryable && refused.Status >= 429 && try < attempts {
			if err := backoff.Sleep(ctx, time.Duration(try)*100*time.Millisecond); err != nil {
				return r, err
			}
			continue
		}
		if err != nil {
			return r, err
		}
		r.Replayed = header.Get("Idempotency-Replayed") == "true"
		return r, nil
	}
}

// get reads a resource.
func (c *client) get(ctx context.Context, path string, into any) error {
	_, err := c.call(ctx, http.MethodGet, path, "", nil, into)
	return err
}

// call makes one request and decodes its answer.
func (c *client) call(ctx context.Context, method, path, key string, data []byte, into any) (http.Header, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	if key != "" {
		request.Header.Set("Idempotency-Key", key)
	}
	if data != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if c.bearer != "" {
		request.Header.Set("Authorization", "Bearer "+c.bearer)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxResponse))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	if response.StatusCode >= 300 {
		return nil, fmt.Errorf("%s %s: %w", method, path, readProblem(response.StatusCode, text))
	}
	if err := json.Unmarshal(text, into); err != nil {
		return nil, fmt.Errorf("%s %s: answer: %w", method, path, err)
	}
	return response.Header, nil
}

// readProblem decodes a refusal as far as it can be decoded.
func readProblem(status int, text []byte) *problem {
	p := problem{Status: status}
	if err := json.Unmarshal(text, &p); err != nil {
		p.Detail = "not a problem document"
	}
	p.Code = strings.TrimPrefix(p.Type, "/problems/")
	return &p
}
