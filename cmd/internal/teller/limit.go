package teller

import (
	"context"
	"fmt"

	"passbook/cmd/internal/cli"
	"passbook/shared/client"
)

// LimitCommand groups the commands on lines of credit.
type LimitCommand struct {
	Show    LimitShowCommand    `cmd:"" help:"Show the use of an account's line of credit."`
	Set     LimitSetCommand     `cmd:"" help:"Set it."`
	History LimitHistoryCommand `cmd:"" help:"List the decisions on it."`
	Explain ExplainCommand      `cmd:"" help:"Say whether an amount could be withdrawn, and what decides."`
}

// Help returns the example.
func (LimitCommand) Help() string { return "Example:\n\n  bank limit show A-1" }

// LimitShowCommand shows a line of credit.
type LimitShowCommand struct {
	Account string `arg:"" help:"Account id."`
	Flags
}

// Help returns the example.
func (LimitShowCommand) Help() string { return "Example:\n\n  bank limit show A-1" }

// Run shows it.
func (c *LimitShowCommand) Run(ctx context.Context, t *cli.Terminal) error {
	return c.Call(ctx, t, func(ctx context.Context, s *Session) error {
		var raw []byte
		l, err := s.CreditLimit(ctx, c.Account, client.Body(&raw))
		if err != nil {
			return err
		}
		return writeObject(t, c.Output, raw, l, limitColumns)
	})
}

var limitColumns = []cli.Column[*client.CreditLimit]{
	{Name: "account", Value: func(l *client.CreditLimit) any { return l.AccountID }},
	{Name: "limit", Value: func(l *client.CreditLimit) any { return cli.Money{Minor: l.Limit, Currency: l.Currency} }},
	{Name: "drawn", Value: func(l *client.CreditLimit) any { return cli.Money{Minor: l.Drawn, Currency: l.Currency} }},
	{Name: "reserved", Value: func(l *client.CreditLimit) any { return cli.Money{Minor: l.Reserved, Currency: l.Currency} }},
	{Name: "available_credit", Value: func(l *client.CreditLimit) any { return cli.Money{Minor: l.AvailableCredit, Currency: l.Currency} }},
	{Name: "over_limit", Value: func(l *client.CreditLimit) any { return cli.Money{Minor: l.OverLimit, Currency: l.Currency} }},
	{Name: "currency", Value: func(l *client.CreditLimit) any { return l.Currency }, OnlyCSV: true},
	{Name: "expires_at", Value: func(l *client.CreditLimit) any { return l.ExpiresAt }},
	{Name: "declines", Value: func(l *client.CreditLimit) any { return l.Declines }},
	{Name: "version", Value: func(l *client.CreditLimit) any { return l.Version }},
	{Name: "as_of", Value: func(l *client.CreditLimit) any { return l.AsOf }},
	{Name: "blocked_at", Value: func(l *client.CreditLimit) any { return blocked(l.BlockedAtVersion) }},
}

// LimitSetCommand sets a line of credit.
type LimitSetCommand struct {
	Account string `arg:"" help:"Account id."`
	Amount
	Expires     cli.Instant `name:"expires" placeholder:"TIME" help:"When it becomes 0 [never]."`
	Reason      string      `name:"reason" placeholder:"TEXT" help:"Why."`
	DecidedBy   string      `name:"decided-by" placeholder:"NAME" help:"Who decided."`
	DecisionRef string      `name:"decision-ref" placeholder:"REF" help:"Where the decision is kept."`
	Force       bool        `name:"force" help:"Set it below what is in use."`
	Command
}

// Help returns the example.
func (LimitSetCommand) Help() string {
	return "Example:\n\n  bank limit set A-1 500.00 EUR --reason salary"
}

// Run sets it.
func (c *LimitSetCommand) Run(ctx context.Context, t *cli.Terminal) error {
	return c.book(ctx, t, &c.Command, c.Account, func(ctx context.Context, s *Session, minor int64, currency string, options ...client.Option) (*client.Result, error) {
		if err := sameCurrency(ctx, s, c.Account, currency); err != nil {
			return nil, err
		}
		return s.SetCreditLimit(ctx, c.Account, client.SetLimit{
			Limit: minor, ExpiresAt: c.Expires.Time(), Reason: c.Reason, DecidedBy: c.DecidedBy, DecisionRef: c.DecisionRef, Force: c.Force,
		}, options...)
	})
}

// sameCurrency refuses an amount in another currency than the account's, for calls that carry none.
func sameCurrency(ctx context.Context, s *Session, account, currency string) error {
	a, err := s.Account(ctx, account)
	if err != nil {
		return err
	}
	if a.Currency != currency {
		return cli.Fail(cli.ExitUsage, fmt.Errorf("account %s is kept in %s, and the amount is in %s", account, a.Currency, currency), "write the amount in "+a.Currency)
	}
	return nil
}

// LimitHistoryCommand lists decisions.
type LimitHistoryCommand struct {
	Account string `arg:"" help:"Account id."`
	Flags
}

// Help returns the example.
func (LimitHistoryCommand) Help() string { return "Example:\n\n  bank limit history A-1" }

// Run lists them.
func (c *LimitHistoryCommand) Run(ctx context.Context, t *cli.Terminal) error {
	return c.Call(ctx, t, func(ctx context.Context, s *Session) error {
		found, err := s.LimitHistory(ctx, c.Account)
		if err != nil {
			return err
		}
		if found.HasMore {
			fmt.Fprintln(t.Err, "these are the first; there are more")
		}
		return list(t, c.Output, each(found.Decisions), 0, decisionColumns(found.Currency), "the account never had a line of credit: bank limit set gives it one")
	})
}

// decisionColumns returns the columns of decisions.
func decisionColumns(currency string) []cli.Column[client.LimitDecision] {
	return []cli.Column[client.LimitDecision]{
		{Name: "version", Value: func(d client.LimitDecision) any { return d.Version }},
		{Name: "recorded_at", Value: func(d client.LimitDecision) any { return d.RecordedAt }},
		{Name: "before", Value: func(d client.LimitDecision) any { return cli.Money{Minor: d.Before, Currency: currency} }},
		{Name: "after", Value: func(d client.LimitDecision) any { return cli.Money{Minor: d.After, Currency: currency} }},
		{Name: "currency", Value: func(client.LimitDecision) any { return currency }, OnlyCSV: true},
		{Name: "expires_at", Value: func(d client.LimitDecision) any { return d.ExpiresAt }},
		{Name: "reason", Value: func(d client.LimitDecision) any { return d.Reason.String() }},
		{Name: "decided_by", Value: func(d client.LimitDecision) any { return d.DecidedBy }},
		{Name: "decision_ref", Value: func(d client.LimitDecision) any { return d.DecisionRef }},
		{Name: "forced", Value: func(d client.LimitDecision) any { return d.Forced }},
	}
}

// ExplainCommand explains what decides on an amount.
type ExplainCommand struct {
	Account string `arg:"" help:"Account id."`
	Amount
	Flags
}

// Help returns the example.
func (ExplainCommand) Help() string {
	return "Nothing is withdrawn.\n\nExample:\n\n  bank limit explain A-1 25.00 EUR"
}

// Run explains.
func (c *ExplainCommand) Run(ctx context.Context, t *cli.Terminal) error {
	if err := c.check(); err != nil {
		return err
	}
	return c.Call(ctx, t, func(ctx context.Context, s *Session) error {
		minor, currency, err := c.read(ctx, s, c.Account)
		if err == nil {
			err = sameCurrency(ctx, s, c.Account, currency)
		}
		if err != nil {
			return err
		}
		var raw []byte
		e, err := s.ExplainLimit(ctx, c.Account, minor, client.Body(&raw))
		if err != nil {
			return err
		}
		return writeObject(t, c.Output, raw, e, explanationColumns)
	})
}

var explanationColumns = []cli.Column[*client.Explanation]{
	{Name: "account", Value: func(e *client.Explanation) any { return e.AccountID }},
	{Name: "amount", Value: func(e *client.Explanation) any { return cli.Money{Minor: e.Amount, Currency: e.Currency} }},
	{Name: "accepted", Value: func(e *client.Explanation) any { return e.Accepted }},
	{Name: "code", Value: func(e *client.Explanation) any { return string(e.Code) }},
	{Name: "shortfall", Value: func(e *client.Explanation) any { return cli.Money{Minor: e.Shortfall, Currency: e.Currency} }},
	{Name: "posted", Value: func(e *client.Explanation) any { return cli.Money{Minor: e.Posted, Currency: e.Currency} }},
	{Name: "held", Value: func(e *client.Explanation) any { return cli.Money{Minor: e.Held, Currency: e.Currency} }},
	{Name: "limit", Value: func(e *client.Explanation) any { return cli.Money{Minor: e.Limit, Currency: e.Currency} }},
	{Name: "available", Value: func(e *client.Explanation) any { return cli.Money{Minor: e.Available, Currency: e.Currency} }},
	{Name: "from_own", Value: func(e *client.Explanation) any { return cli.Money{Minor: e.FromOwn, Currency: e.Currency} }},
	{Name: "from_credit", Value: func(e *client.Explanation) any { return cli.Money{Minor: e.FromCredit, Currency: e.Currency} }},
	{Name: "currency", Value: func(e *client.Explanation) any { return e.Currency }, OnlyCSV: true},
	{Name: "holds", Value: func(e *client.Explanation) any { return len(e.Holds) }},
	{Name: "draws", Value: func(e *client.Explanation) any { return len(e.Draws) }},
	{Name: "version", Value: func(e *client.Explanation) any { return e.Version }},
}
