package client

import (
	"context"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Balance returns the balance of an account: at least as new as this client's own commands on it,
// unless an option says which state.
func (c *Client) Balance(ctx context.Context, account string, options ...Option) (*Balance, error) {
	return ownRead[Balance](ctx, c, account, "balance", options)
}

// CreditLimit returns the use of an account's line of credit, as new as Balance is.
func (c *Client) CreditLimit(ctx context.Context, account string, options ...Option) (*CreditLimit, error) {
	return ownRead[CreditLimit](ctx, c, account, "credit-limit", options)
}

// ownRead reads a projection of an account with the version of this client's own last command on
// it.
func ownRead[T any](ctx context.Context, c *Client, account, what string, options []Option) (*T, error) {
	made := c.newCall(http.MethodGet, of(account, what), options)
	least := c.Seen(account)
	if made.min != nil {
		least = *made.min
	}
	past := made.query.Has("at") || made.query.Has("version")
	if least > 0 && made.wait >= 0 && !past {
		made.query.Set("min_version", strconv.FormatInt(least, 10))
		made.query.Set("wait", strconv.FormatInt(made.wait.Milliseconds(), 10)+"ms")
	}
	return read[T](ctx, c, made)
}

// Account returns the account, read from its history itself: never behind a command that was
// answered.
func (c *Client) Account(ctx context.Context, account string, options ...Option) (*Account, error) {
	return get[Account](ctx, c, of(account), nil, options)
}

// Holds returns the open holds of an account, oldest first.
func (c *Client) Holds(ctx context.Context, account string, options ...Option) (*Holds, error) {
	return get[Holds](ctx, c, of(account, "holds"), nil, options)
}

// LimitHistory returns the decisions on an account's line of credit.
func (c *Client) LimitHistory(ctx context.Context, account string, options ...Option) (*LimitHistory, error) {
	return get[LimitHistory](ctx, c, of(account, "credit-limit", "history"), nil, options)
}

// ExplainLimit returns which hold, draw and limit decide on an amount; 0 explains the present use.
func (c *Client) ExplainLimit(ctx context.Context, account string, amount int64, options ...Option) (*Explanation, error) {
	return get[Explanation](ctx, c, of(account, "credit-limit", "explain"), values("amount", amount), options)
}

// Journey returns how an event came about, and where it went.
func (c *Client) Journey(ctx context.Context, account string, version int64, options ...Option) (*Journey, error) {
	return get[Journey](ctx, c, of(account, "events", strconv.FormatInt(version, 10), "journey"), nil, options)
}

// HolderTotals returns what the accounts of a holder have, by currency.
func (c *Client) HolderTotals(ctx context.Context, holder string, options ...Option) (*HolderTotals, error) {
	return get[HolderTotals](ctx, c, "/v1/holders/"+url.PathEscape(holder)+"/totals", nil, options)
}

// Consumers returns where the consumers are in each shard, and which accounts are in quarantine.
func (c *Client) Consumers(ctx context.Context, options ...Option) (*Consumers, error) {
	return get[Consumers](ctx, c, "/v1/consumers", nil, options)
}

// Pipeline returns what the parts of the pipeline do, and what needs attention.
func (c *Client) Pipeline(ctx context.Context, options ...Option) (*Pipeline, error) {
	return get[Pipeline](ctx, c, "/v1/ops/pipeline", nil, options)
}

// Version returns which release the bank runs.
func (c *Client) Version(ctx context.Context, options ...Option) (*Build, error) {
	return get[Build](ctx, c, "/version", nil, options)
}

// Ready returns the checks of the process. One that does not serve answers with a *Problem that has
// them.
func (c *Client) Ready(ctx context.Context, options ...Option) (*Health, error) {
	return get[Health](ctx, c, "/readyz", url.Values{"verbose": {""}}, options)
}

// AccountQuery selects accounts; its zero value selects all.
type AccountQuery struct {
	Holder, Status string
	OverLimit      bool
}

// Accounts returns the accounts, page by page, in no order that means anything. It ends with the
// first error.
func (c *Client) Accounts(ctx context.Context, q AccountQuery, options ...Option) iter.Seq2[AccountItem, error] {
	query := values("holder", q.Holder, "status", q.Status)
	if q.OverLimit {
		query.Set("over_limit", "true")
	}
	return pages(ctx, c, "/v1/accounts", query, options, func(p *AccountPage) ([]AccountItem, string, bool) {
		return p.Accounts, p.NextCursor, p.HasMore
	})
}

// EventQuery selects events of one account; its zero value selects all.
type EventQuery struct {
	// From is the first version.
	From int64
	Type EventType
}

// Events returns the events of an account, newest last.
func (c *Client) Events(ctx context.Context, account string, q EventQuery, options ...Option) iter.Seq2[Event, error] {
	return pages(ctx, c, of(account, "events"), values("from_version", q.From, "type", string(q.Type)), options, func(p *EventPage) ([]Event, string, bool) {
		return p.Events, p.NextCursor, p.HasMore
	})
}

// AllEventQuery selects events of all accounts; its zero value selects all.
type AllEventQuery struct {
	Type                         EventType
	Actor, CorrelationID, Holder string
	// From is the first instant, To the first after the period.
	From, To time.Time
}

// AllEvents returns the events of all accounts, newest first, as far as they are indexed.
func (c *Client) AllEvents(ctx context.Context, q AllEventQuery, options ...Option) iter.Seq2[Event, error] {
	query := values("type", string(q.Type), "actor", q.Actor, "correlation_id", q.CorrelationID, "holder", q.Holder, "from", q.From, "to", q.To)
	return pages(ctx, c, "/v1/events", query, options, func(p *AllEventsPage) ([]Event, string, bool) {
		return p.Events, p.NextCursor, p.HasMore
	})
}

// Period is a part of time; its zero value is all of it.
type Period struct {
	// From is the first instant, To the first after the period.
	From, To time.Time
}

// StatementPages returns the statement of an account, page by page.
func (c *Client) StatementPages(ctx context.Context, account string, p Period, options ...Option) iter.Seq2[Statement, error] {
	return pages(ctx, c, of(account, "statement"), values("from", p.From, "to", p.To), options, func(p *Statement) ([]Statement, string, bool) {
		return []Statement{*p}, p.NextCursor, p.HasMore
	})
}

// pages returns the items of a list, and reads each page when the one before it was taken.
func pages[P, T any](ctx context.Context, c *Client, path string, query url.Values, options []Option, open func(*P) ([]T, string, bool)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		query := maps.Clone(query) // a second range begins at the first page
		for more := true; more; {
			page, err := get[P](ctx, c, path, query, options)
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			var items []T
			var cursor string
			items, cursor, more = open(page)
			for _, item := range items {
				if !yield(item, nil) {
					return
				}
			}
			query.Set("cursor", cursor)
		}
	}
}

// values makes a query of names, each with its value; zero values are left out.
func values(pairs ...any) url.Values {
	query := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		text := ""
		switch value := pairs[i+1].(type) {
		case string:
			text = value
		case int64:
			if value != 0 {
				text = strconv.FormatInt(value, 10)
			}
		case time.Time:
			if !value.IsZero() {
				text = value.UTC().Format(time.RFC3339Nano)
			}
		}
		if text != "" {
			query.Set(pairs[i].(string), text)
		}
	}
	return query
}
