package watch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"passbook/cmd/internal/cli"
	"passbook/cmd/internal/teller"
	"passbook/shared/client"
)

// Tail prints the newest events, or follows them.
type Tail struct {
	Follow    bool     `name:"follow" short:"f" help:"Print events as they come, until interrupted."`
	Lines     int      `name:"lines" short:"n" default:"20" placeholder:"N" help:"How many of the newest events [20]."`
	From      string   `name:"from" placeholder:"WHERE" help:"Begin at earliest, latest or a time."`
	Cursor    string   `name:"cursor" placeholder:"CURSOR" help:"Continue where an earlier tail ended."`
	Type      []string `name:"type" placeholder:"TYPE" help:"Only events of these types, such as MoneyWithdrawn."`
	Account   string   `name:"account" placeholder:"ID" help:"Only events of this account."`
	Holder    string   `name:"holder" placeholder:"REF" help:"Only events of this holder's accounts."`
	Currency  string   `name:"currency" placeholder:"CODE" help:"Only events in this currency."`
	MinAmount int64    `name:"min-amount" placeholder:"N" help:"Only amounts from this on, in minor units."`
	teller.Flags
}

// Help returns what it follows, and the example.
func (Tail) Help() string {
	return "It follows over breaks, and its end prints the cursor to continue at.\n\nExample:\n\n  bank tail -n 5"
}

// eventColumns are the columns of events of all accounts.
var eventColumns = []cli.Column[client.FeedItem]{
	{Name: "at", Value: func(e client.FeedItem) any { return e.RecordedAt }},
	{Name: "event", Value: func(e client.FeedItem) any { return e.EventID }},
	{Name: "type", Value: func(e client.FeedItem) any { return string(e.Type) }},
	{Name: "amount", Value: func(e client.FeedItem) any {
		if e.Amount == 0 {
			return nil
		}
		return cli.Money{Minor: e.Amount, Currency: e.Currency}
	}},
	{Name: "posted", Value: func(e client.FeedItem) any {
		if e.After == nil {
			return nil
		}
		return cli.Money{Minor: e.After.Posted, Currency: e.Currency}
	}},
	{Name: "currency", OnlyCSV: true, Value: func(e client.FeedItem) any { return e.Currency }},
	{Name: "actor", Value: func(e client.FeedItem) any { return e.Actor.String() }},
	{Name: "correlation", Value: func(e client.FeedItem) any { return e.CorrelationID }},
}

// Run prints the events.
func (c *Tail) Run(ctx context.Context, t *cli.Terminal) error {
	if c.Lines < 0 {
		return cli.Usage("--lines %d is negative", c.Lines)
	}
	if c.Account != "" && c.Holder != "" {
		return cli.Usage("--account names one account: leave --holder out")
	}
	from, err := c.begin()
	if err != nil {
		return err
	}
	if !c.Follow && from == "" && c.Cursor == "" {
		return c.Call(ctx, t, func(ctx context.Context, s *teller.Session) error { return c.newest(ctx, t, s.Client) })
	}
	s, err := teller.Connect(t, &c.Flags)
	if err != nil {
		return err
	}
	defer s.Close()
	return teller.Explain(c.follow(ctx, t, s.Client, from))
}

// begin returns where the feed begins, as the bank wants it.
func (c *Tail) begin() (string, error) {
	switch c.From {
	case "", "earliest", "latest":
		return c.From, nil
	}
	var instant cli.Instant
	if err := instant.UnmarshalText([]byte(c.From)); err != nil {
		return "", cli.Usage("--from is earliest, latest or a time: %w", err)
	}
	return instant.Time().UTC().Format(time.RFC3339Nano), nil
}

// follow prints the feed to its end. An interruption is how a person ends it.
func (c *Tail) follow(ctx context.Context, t *cli.Terminal, bank *client.Client, from string) (err error) {
	q := client.FeedQuery{From: from, Cursor: c.Cursor, UntilNow: !c.Follow, Types: c.types(), Account: c.Account, Holder: c.Holder,
		Currency: c.Currency, MinAmount: c.MinAmount, Heartbeats: true}
	q.Interrupted = func(err error, pause time.Duration) {
		fmt.Fprintf(t.Err, "%v; trying again in %v\n", err, max(pause.Round(100*time.Millisecond), 100*time.Millisecond))
	}
	rows := cli.NewRows(t, c.Output, eventColumns)
	cursor := ""
	defer func() { err = errors.Join(err, rows.Close(), c.tellEnd(t, cursor)) }()
	for item, err := range bank.Feed(ctx, q) {
		if err != nil && ctx.Err() != nil && c.Follow {
			return nil
		}
		if err != nil {
			return err
		}
		if item.EventID != "" {
			err = rows.Add(item)
		}
		if err == nil && c.Follow {
			err = rows.Flush()
		}
		if err != nil {
			return err
		}
		if item.Cursor != "" {
			cursor = item.Cursor
		}
	}
	return nil
}

// tellEnd prints the cursor to continue at.
func (c *Tail) tellEnd(t *cli.Terminal, cursor string) error {
	if cursor == "" {
		return nil
	}
	_, err := fmt.Fprintf(t.Err, "continue with --cursor %s\n", cursor)
	return err
}

// types returns the types of events that are asked for.
func (c *Tail) types() []client.EventType {
	var types []client.EventType
	for _, list := range c.Type {
		for name := range strings.SplitSeq(list, ",") {
			types = append(types, client.EventType(strings.TrimSpace(name)))
		}
	}
	return types
}

// newest prints the newest events that match, the newest last.
func (c *Tail) newest(ctx context.Context, t *cli.Terminal, bank *client.Client) error {
	var found []client.FeedItem
	var err error
	if c.Account != "" {
		found, err = c.newestOfAccount(ctx, bank)
	} else {
		found, err = c.newestOfAll(ctx, bank)
	}
	if err != nil {
		return err
	}
	rows := cli.NewRows(t, c.Output, eventColumns)
	for _, item := range found {
		if err := rows.Add(item); err != nil {
			return err
		}
	}
	if len(found) == 0 {
		fmt.Fprintln(t.Err, "no event matches; --follow waits for the next one")
	}
	return rows.Close()
}

// newestOfAll returns the newest events of all accounts that match.
func (c *Tail) newestOfAll(ctx context.Context, bank *client.Client) ([]client.FeedItem, error) {
	q := client.AllEventQuery{Holder: c.Holder}
	if types := c.types(); len(types) == 1 {
		q.Type = types[0]
	}
	var found []client.FeedItem
	if c.Lines == 0 {
		return nil, nil
	}
	for event, err := range bank.AllEvents(ctx, q) {
		if err != nil {
			return nil, err
		}
		if item := itemOf(event); c.matches(item) {
			found = append(found, item)
		}
		if len(found) == c.Lines {
			break
		}
	}
	slices.Reverse(found)
	return found, nil
}

// newestOfAccount returns the newest events of one account that match: the last part of its
// history, and more of it until there are enough.
func (c *Tail) newestOfAccount(ctx context.Context, bank *client.Client) ([]client.FeedItem, error) {
	account, err := bank.Account(ctx, c.Account)
	if err != nil {
		return nil, err
	}
	for back := int64(max(2*c.Lines, 100)); ; back *= 4 {
		first := max(account.Version-back, 0) + 1
		var found []client.FeedItem
		for event, err := range bank.Events(ctx, c.Account, client.EventQuery{From: first}) {
			if err != nil {
				return nil, err
			}
			event.AccountID = c.Account
			if item := itemOf(event); c.matches(item) {
				found = append(found, item)
			}
			if len(found) > 2*c.Lines {
				found = append(found[:0], found[len(found)-c.Lines:]...)
			}
		}
		if len(found) >= c.Lines || first == 1 {
			return found[max(len(found)-c.Lines, 0):], nil
		}
	}
}

// matches reports whether an event is one that is asked for.
func (c *Tail) matches(e client.FeedItem) bool {
	types := c.types()
	return (len(types) == 0 || slices.Contains(types, e.Type)) && (c.Currency == "" || e.Currency == c.Currency) && e.Amount >= c.MinAmount
}

// itemOf returns an event of a list as the feed has it.
func itemOf(e client.Event) client.FeedItem {
	return client.FeedItem{EventID: e.EventID, AccountID: e.AccountID, Version: e.Version, Type: e.Type, Schema: e.Schema, RecordedAt: e.RecordedAt,
		EffectiveAt: e.EffectiveAt, CorrelationID: e.CorrelationID, CausationID: e.CausationID, Actor: e.Actor, Currency: e.Currency, Amount: e.Amount,
		TransactionID: e.TransactionID, HoldID: e.HoldID, After: &client.FeedItemAfter{Posted: e.After.Posted, Held: e.After.Held, Limit: e.After.Limit}, Data: e.Data}
}
