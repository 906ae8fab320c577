package teller

import (
	"context"
	"fmt"
	"io"
	"iter"

	"passbook/cmd/internal/cli"
	"passbook/shared/client"
)

// EventsCommand lists the events of an account.
type EventsCommand struct {
	Account string `arg:"" help:"Account id."`
	From    int64  `name:"from-version" placeholder:"N" help:"Begin at this version [1]."`
	Type    string `name:"type" placeholder:"TYPE" help:"Only these, as MoneyWithdrawn."`
	Limit   int    `name:"limit" default:"100" help:"How many; 0 for all [100]."`
	Flags
}

// Help returns the example.
func (EventsCommand) Help() string { return "Example:\n\n  bank account events A-1 -o ndjson" }

// Run lists them.
func (c *EventsCommand) Run(ctx context.Context, t *cli.Terminal) error {
	return c.Call(ctx, t, func(ctx context.Context, s *Session) error {
		events := s.Events(ctx, c.Account, client.EventQuery{From: c.From, Type: client.EventType(c.Type)})
		return list(t, c.Output, events, c.Limit, eventColumns, "no such event")
	})
}

var eventColumns = []cli.Column[client.Event]{
	{Name: "version", Value: func(e client.Event) any { return e.Version }},
	{Name: "recorded_at", Value: func(e client.Event) any { return e.RecordedAt }},
	{Name: "type", Value: func(e client.Event) any { return string(e.Type) }},
	{Name: "amount", Value: func(e client.Event) any {
		if e.Amount == 0 {
			return nil
		}
		return cli.Money{Minor: e.Amount, Currency: e.Currency}
	}},
	{Name: "posted", Value: func(e client.Event) any { return cli.Money{Minor: e.After.Posted, Currency: e.Currency} }},
	{Name: "held", Value: func(e client.Event) any { return cli.Money{Minor: e.After.Held, Currency: e.Currency} }},
	{Name: "limit", Value: func(e client.Event) any { return cli.Money{Minor: e.After.Limit, Currency: e.Currency} }},
	{Name: "currency", Value: func(e client.Event) any { return e.Currency }, OnlyCSV: true},
	{Name: "transaction", Value: func(e client.Event) any { return e.TransactionID }},
	{Name: "hold", Value: func(e client.Event) any { return e.HoldID }},
	{Name: "actor", Value: func(e client.Event) any { return e.Actor.String() }},
	{Name: "correlation_id", Value: func(e client.Event) any { return e.CorrelationID }},
}

// StatementCommand lists the transactions of an account.
type StatementCommand struct {
	Account string      `arg:"" help:"Account id."`
	From    cli.Instant `name:"from" placeholder:"TIME" help:"Recorded at or after [the opening]."`
	To      cli.Instant `name:"to" placeholder:"TIME" help:"Recorded before [now]."`
	Limit   int         `name:"limit" default:"100" help:"How many; 0 for all [100]."`
	As      string      `name:"as" enum:"csv,camt053,html," default:"" placeholder:"FORMAT" help:"The whole statement as a file: csv, camt053 or html."`
	Flags
}

// Help returns the example.
func (StatementCommand) Help() string {
	return "Example:\n\n  bank account statement A-1 --limit 0 -o csv"
}

// Run lists them.
func (c *StatementCommand) Run(ctx context.Context, t *cli.Terminal) error {
	return c.Call(ctx, t, func(ctx context.Context, s *Session) error {
		period := client.Period{From: c.From.Time(), To: c.To.Time()}
		if c.As != "" {
			return writeStatement(ctx, t, s, c.Account, c.As, period)
		}
		currency := ""
		lines := statementLines(s.StatementPages(ctx, c.Account, period), &currency)
		return list(t, c.Output, lines, c.Limit, lineColumns(&currency), "no transaction in this period")
	})
}

// writeStatement writes a statement as a file.
func writeStatement(ctx context.Context, t *cli.Terminal, s *Session, account, format string, p client.Period) error {
	file, err := s.StatementFile(ctx, account, format, p)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // it was read
	if _, err := io.Copy(t.Out, file); err != nil {
		return cli.Fail(cli.ExitFailed, fmt.Errorf("the statement broke off, and what was written is a part of it: %w", err), "try again; --timeout 10m gives a long one more time")
	}
	return nil
}

// statementLines returns the lines of the pages, and puts their currency into the variable before
// the first.
func statementLines(pages iter.Seq2[client.Statement, error], currency *string) iter.Seq2[client.StatementLine, error] {
	return func(yield func(client.StatementLine, error) bool) {
		for page, err := range pages {
			if err != nil {
				yield(client.StatementLine{}, err)
				return
			}
			*currency = page.Currency
			for _, line := range page.Lines {
				if !yield(line, nil) {
					return
				}
			}
		}
	}
}

// lineColumns returns the columns of a statement's lines.
func lineColumns(currency *string) []cli.Column[client.StatementLine] {
	return []cli.Column[client.StatementLine]{
		{Name: "version", Value: func(l client.StatementLine) any { return l.Version }},
		{Name: "recorded_at", Value: func(l client.StatementLine) any { return l.RecordedAt }},
		{Name: "effective_at", Value: func(l client.StatementLine) any { return l.EffectiveAt }},
		{Name: "transaction", Value: func(l client.StatementLine) any { return l.TransactionID }},
		{Name: "kind", Value: func(l client.StatementLine) any { return l.Kind }},
		{Name: "amount", Value: func(l client.StatementLine) any { return cli.Money{Minor: l.Amount, Currency: *currency} }},
		{Name: "posted", Value: func(l client.StatementLine) any { return cli.Money{Minor: l.Posted, Currency: *currency} }},
		{Name: "currency", Value: func(client.StatementLine) any { return *currency }, OnlyCSV: true},
		{Name: "reference", Value: func(l client.StatementLine) any { return l.Reference.String() }},
		{Name: "contra", Value: func(l client.StatementLine) any { return l.Contra }},
	}
}
