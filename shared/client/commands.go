package client

import (
	"context"
	"net/http"
	"net/url"
)

// Result is the answer to a command that was executed, or to a dry run.
type Result struct {
	Answer
	// Key is the Idempotency-Key that the command had.
	Key string
	// Status is 201, or 200 for what made nothing new.
	Status int
	// Replayed reports that this is the first answer to the same key, given again.
	Replayed bool
	// CorrelationID is what the bank's logs and events name the request by.
	CorrelationID string
	// Rehearsed is the answer to a dry run, whose Answer is empty.
	Rehearsed *Rehearsal
}

// OpenAccount opens an account.
func (c *Client) OpenAccount(ctx context.Context, body Open, options ...Option) (*Result, error) {
	return c.command(ctx, http.MethodPost, "/v1/accounts", body, options)
}

// Credit puts money into an account.
func (c *Client) Credit(ctx context.Context, account string, body Credit, options ...Option) (*Result, error) {
	return c.command(ctx, http.MethodPost, of(account, "credits"), body, options)
}

// Withdraw takes money out of an account.
func (c *Client) Withdraw(ctx context.Context, account string, body Withdraw, options ...Option) (*Result, error) {
	return c.command(ctx, http.MethodPost, of(account, "withdrawals"), body, options)
}

// Transfer moves money between two accounts, both sides or neither.
func (c *Client) Transfer(ctx context.Context, body Transfer, options ...Option) (*Result, error) {
	return c.command(ctx, http.MethodPost, "/v1/transfers", body, options)
}

// PlaceHold reserves an amount.
func (c *Client) PlaceHold(ctx context.Context, account string, body Hold, options ...Option) (*Result, error) {
	return c.command(ctx, http.MethodPost, of(account, "holds"), body, options)
}

// CaptureHold turns a hold, or a part of it, into a withdrawal.
func (c *Client) CaptureHold(ctx context.Context, account, hold string, body Capture, options ...Option) (*Result, error) {
	return c.command(ctx, http.MethodPost, of(account, "holds", hold, "capture"), body, options)
}

// ReleaseHold ends a hold.
func (c *Client) ReleaseHold(ctx context.Context, account, hold string, options ...Option) (*Result, error) {
	return c.command(ctx, http.MethodPost, of(account, "holds", hold, "release"), struct{}{}, options)
}

// ReverseCredit takes a credit back, once and in full.
func (c *Client) ReverseCredit(ctx context.Context, account, transaction string, body ReverseCredit, options ...Option) (*Result, error) {
	return c.command(ctx, http.MethodPost, of(account, "credits", transaction, "reversal"), body, options)
}

// ReverseWithdrawal gives a withdrawal back, once and in full.
func (c *Client) ReverseWithdrawal(ctx context.Context, account, transaction string, body ReverseWithdrawal, options ...Option) (*Result, error) {
	return c.command(ctx, http.MethodPost, of(account, "withdrawals", transaction, "reversal"), body, options)
}

// SetCreditLimit sets the line of credit.
func (c *Client) SetCreditLimit(ctx context.Context, account string, body SetLimit, options ...Option) (*Result, error) {
	return c.command(ctx, http.MethodPut, of(account, "credit-limit"), body, options)
}

// Freeze stops debits of an account, or everything.
func (c *Client) Freeze(ctx context.Context, account string, body Freeze, options ...Option) (*Result, error) {
	return c.command(ctx, http.MethodPost, of(account, "freeze"), body, options)
}

// Unfreeze ends a freeze.
func (c *Client) Unfreeze(ctx context.Context, account string, body Unfreeze, options ...Option) (*Result, error) {
	return c.command(ctx, http.MethodPost, of(account, "unfreeze"), body, options)
}

// CloseAccount closes an account permanently.
func (c *Client) CloseAccount(ctx context.Context, account string, body Close, options ...Option) (*Result, error) {
	return c.command(ctx, http.MethodPost, of(account, "close"), body, options)
}

// of returns the path of something below an account.
func of(account string, parts ...string) string {
	path := "/v1/accounts/" + url.PathEscape(account)
	for _, part := range parts {
		path += "/" + url.PathEscape(part)
	}
	return path
}
