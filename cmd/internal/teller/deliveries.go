package teller

import (
	"context"
	"fmt"

	"passbook/cmd/internal/cli"
	"passbook/shared/client"
)

// WebhookTestCommand sends a test to a webhook.
type WebhookTestCommand struct {
	Webhook string `arg:"" help:"Its id or URL."`
	Flags
}

// Help returns what it does, and the example.
func (WebhookTestCommand) Help() string {
	return "The exit code is 1 if it was not taken.\n\nExample:\n\n  bank webhook test https://example.com/passbook"
}

// Run sends it, and says what became of it.
func (c *WebhookTestCommand) Run(ctx context.Context, t *cli.Terminal) error {
	return c.Call(ctx, t, func(ctx context.Context, s *Session) error {
		id, err := webhookID(ctx, s, c.Webhook)
		if err != nil {
			return err
		}
		var raw []byte
		result, err := s.TestWebhook(ctx, id, client.Body(&raw))
		if err != nil {
			return err
		}
		if err := writeObject(t, c.Output, raw, result, testColumns); err != nil {
			return err
		}
		if !result.Taken {
			return cli.Fail(cli.ExitFailed, fmt.Errorf("%s did not take it: %s", c.Webhook, result.Error), "look at the receiver; bank webhook show "+c.Webhook+" shows the URL")
		}
		return nil
	})
}

var testColumns = []cli.Column[*client.WebhookTest]{
	{Name: "event", Value: func(r *client.WebhookTest) any { return r.EventID }},
	{Name: "taken", Value: func(r *client.WebhookTest) any { return r.Taken }},
	{Name: "status", Value: func(r *client.WebhookTest) any { return r.Status }},
	{Name: "seconds", Value: func(r *client.WebhookTest) any { return r.TookSeconds }},
	{Name: "error", Value: func(r *client.WebhookTest) any { return r.Error }},
}

// WebhookDeliveriesCommand lists how far accounts are.
type WebhookDeliveriesCommand struct {
	Webhook string `arg:"" help:"Its id or URL."`
	State   string `name:"state" default:"pending" placeholder:"STATE" enum:"pending,delivered,dead" help:"pending, delivered or dead [pending]."`
	Limit   int    `name:"limit" default:"100" placeholder:"N" help:"The most rows; 0 for all [100]."`
	Flags
}

// Help returns the example.
func (WebhookDeliveriesCommand) Help() string {
	return "Example:\n\n  bank webhook deliveries https://example.com/passbook --state dead"
}

// Run lists them.
func (c *WebhookDeliveriesCommand) Run(ctx context.Context, t *cli.Terminal) error {
	return c.Call(ctx, t, func(ctx context.Context, s *Session) error {
		id, err := webhookID(ctx, s, c.Webhook)
		if err != nil {
			return err
		}
		return list(t, c.Output, s.Deliveries(ctx, id, client.DeliveryState(c.State)), c.Limit, deliveryColumns, "no account is "+c.State+" for "+c.Webhook)
	})
}

var deliveryColumns = []cli.Column[client.Delivery]{
	{Name: "account", Value: func(d client.Delivery) any { return d.AccountID }},
	{Name: "state", Value: func(d client.Delivery) any { return d.State }},
	{Name: "next", Value: func(d client.Delivery) any { return d.NextVersion }},
	{Name: "seen", Value: func(d client.Delivery) any { return d.SeenVersion }},
	{Name: "attempts", Value: func(d client.Delivery) any { return d.Attempts }},
	{Name: "next_attempt", Value: func(d client.Delivery) any { return d.NextAttemptAt }},
	{Name: "failing_since", Value: func(d client.Delivery) any { return d.FailingSince }},
	{Name: "status", Value: func(d client.Delivery) any { return d.LastStatus }},
	{Name: "error", Value: func(d client.Delivery) any { return d.LastError }},
}

// WebhookReplayCommand has events sent again.
type WebhookReplayCommand struct {
	Webhook string `arg:"" help:"Its id or URL."`
	Account string `arg:"" optional:"" help:"Only of this account [all that are dead]."`
	From    *int   `name:"from-version" placeholder:"VERSION" help:"From this version of the account on."`
	Flags
}

// Help returns what it does, and the example.
func (WebhookReplayCommand) Help() string {
	return "Without an account, of all that are dead. Without a version, from the one that was given up.\n\nExample:\n\n  bank webhook replay https://example.com/passbook"
}

// Run has them sent, page by page of the dead accounts.
func (c *WebhookReplayCommand) Run(ctx context.Context, t *cli.Terminal) error {
	if c.From != nil && *c.From < 1 {
		return cli.Fail(cli.ExitUsage, fmt.Errorf("--from-version %d is no version: they begin at 1", *c.From), "")
	}
	return c.Call(ctx, t, func(ctx context.Context, s *Session) error {
		id, err := webhookID(ctx, s, c.Webhook)
		if err != nil {
			return err
		}
		from := 0
		if c.From != nil {
			from = *c.From
		}
		total := client.WebhookReplayed{}
		for more := true; more; {
			page, err := s.ReplayWebhook(ctx, id, client.WebhookReplay{AccountID: c.Account, FromVersion: from})
			if err != nil {
				return err
			}
			total.Accounts += page.Accounts
			more = page.HasMore && page.Accounts > 0
		}
		return cli.One(t, c.Output, &total, replayColumns)
	})
}

var replayColumns = []cli.Column[*client.WebhookReplayed]{
	{Name: "accounts", Value: func(r *client.WebhookReplayed) any { return r.Accounts }},
}
