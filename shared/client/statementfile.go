package client

import (
	"context"
	"fmt"
	"io"
	"net/http"
)

// StatementFile begins to read the whole statement of a period as a file, in the form that format
// names: csv, camt053 or html. The caller reads it to its end and closes it; a file that has an end
// is whole. It is not tried again.
func (c *Client) StatementFile(ctx context.Context, account, format string, p Period, options ...Option) (io.ReadCloser, error) {
	made := c.newCall(http.MethodGet, of(account, "statement", "file"), options)
	for name, list := range values("format", format, "from", p.From, "to", p.To) {
		made.query[name] = list
	}
	response, err := c.send(ctx, made)
	if err != nil {
		return nil, err
	}
	if response.StatusCode == http.StatusOK {
		return response.Body, nil
	}
	defer func() { _ = response.Body.Close() }() // it is read below
	body, err := io.ReadAll(io.LimitReader(response.Body, 64<<10))
	if err != nil {
		return nil, fmt.Errorf("read the refusal of %s: %w", made.path, err)
	}
	return nil, readProblem(response, body)
}
