package teller

import (
	"context"
	"fmt"
	"strings"

	"passbook/cmd/internal/cli"
	"passbook/shared/client"
)

// WebhookCommand groups the commands on webhooks.
type WebhookCommand struct {
	Add        WebhookAddCommand        `cmd:"" help:"Have events sent to a URL."`
	List       WebhookListCommand       `cmd:"" help:"List the webhooks."`
	Show       WebhookShowCommand       `cmd:"" help:"Show a webhook."`
	Test       WebhookTestCommand       `cmd:"" help:"Send it an event of no account."`
	Deliveries WebhookDeliveriesCommand `cmd:"" help:"List how far each account is for it."`
	Replay     WebhookReplayCommand     `cmd:"" help:"Send it events again."`
	Rotate     WebhookRotateCommand     `cmd:"" help:"Give it another secret."`
	Pause      WebhookPauseCommand      `cmd:"" help:"Send it nothing until it is resumed."`
	Resume     WebhookResumeCommand     `cmd:"" help:"Send it what has happened since."`
	Remove     WebhookRemoveCommand     `cmd:"" help:"Remove it."`
}

// Help returns the example.
func (WebhookCommand) Help() string { return "Example:\n\n  bank webhook list" }

// WebhookAddCommand makes a webhook.
type WebhookAddCommand struct {
	URL         string   `arg:"" help:"Where to, as https://example.com/passbook."`
	Types       []string `name:"types" placeholder:"NAMES" help:"Only events of these types [all]."`
	Accounts    []string `name:"accounts" placeholder:"IDS" help:"Only events of these accounts [all]."`
	From        string   `name:"from" placeholder:"WHEN" help:"Earlier events too: earliest, or a time."`
	Description string   `name:"description" placeholder:"TEXT" help:"What it is for."`
	Flags
}

// Help returns what it does, and the example.
func (WebhookAddCommand) Help() string {
	return "Prints the secret that signs what is sent, once. Addresses that are not on the internet need a bank with --webhook-allow.\n\n" +
		"Example:\n\n  bank webhook add https://example.com/passbook --types MoneyCredited"
}

// Run makes it.
func (c *WebhookAddCommand) Run(ctx context.Context, t *cli.Terminal) error {
	return c.webhook(ctx, t, func(ctx context.Context, s *Session, o ...client.Option) (*client.Webhook, error) {
		return s.CreateWebhook(ctx, client.NewWebhook{URL: c.URL, Types: c.Types, Accounts: c.Accounts, From: c.From, Description: c.Description}, o...)
	})
}

// webhook makes a call that answers a webhook, and writes it.
func (f *Flags) webhook(ctx context.Context, t *cli.Terminal, call func(context.Context, *Session, ...client.Option) (*client.Webhook, error)) error {
	return f.Call(ctx, t, func(ctx context.Context, s *Session) error {
		var raw []byte
		w, err := call(ctx, s, client.Body(&raw))
		if err != nil {
			return err
		}
		if w.Secret != "" {
			fmt.Fprintln(t.Err, "the secret is shown this once: keep it where the receiver checks Passbook-Signature")
		}
		return writeObject(t, f.Output, raw, w, append([]cli.Column[*client.Webhook]{secretColumn}, webhookColumns...))
	})
}

// webhookID returns the id of a webhook that is named by its id or its URL.
func webhookID(ctx context.Context, s *Session, name string) (string, error) {
	if !strings.Contains(name, "://") {
		return name, nil
	}
	all, err := s.Webhooks(ctx)
	if err != nil {
		return "", err
	}
	for _, w := range all.Webhooks {
		if w.URL == name {
			return w.WebhookID, nil
		}
	}
	return "", cli.Fail(cli.ExitFailed, fmt.Errorf("no webhook has the URL %s", name), "bank webhook list shows the webhooks")
}

// secretColumn is the secret of a webhook, when it is made.
var secretColumn = cli.Column[*client.Webhook]{Name: "secret", Value: func(w *client.Webhook) any { return w.Secret }}

var webhookColumns = []cli.Column[*client.Webhook]{
	{Name: "webhook", Value: func(w *client.Webhook) any { return w.WebhookID }},
	{Name: "url", Value: func(w *client.Webhook) any { return w.URL }},
	{Name: "state", Value: func(w *client.Webhook) any { return w.State }},
	{Name: "types", Value: func(w *client.Webhook) any { return orAll(w.Types) }},
	{Name: "accounts", Value: func(w *client.Webhook) any { return orAll(w.Accounts) }},
	{Name: "since", Value: func(w *client.Webhook) any { return w.Since }},
	{Name: "secrets", Value: func(w *client.Webhook) any { return len(w.Secrets) }},
	{Name: "created_by", Value: func(w *client.Webhook) any { return w.CreatedBy }},
	{Name: "cause", Value: func(w *client.Webhook) any { return w.Cause }},
	{Name: "description", Value: func(w *client.Webhook) any { return w.Description }},
}

// orAll returns a list for people.
func orAll(list []string) string {
	if len(list) == 0 {
		return "all"
	}
	return strings.Join(list, ",")
}

// WebhookListCommand lists the webhooks.
type WebhookListCommand struct{ Flags }

// Help returns the example.
func (WebhookListCommand) Help() string { return "Example:\n\n  bank webhook list" }

// Run lists them.
func (c *WebhookListCommand) Run(ctx context.Context, t *cli.Terminal) error {
	return c.Call(ctx, t, func(ctx context.Context, s *Session) error {
		all, err := s.Webhooks(ctx)
		if err != nil {
			return err
		}
		items := func(yield func(*client.Webhook, error) bool) {
			for i := range all.Webhooks {
				if !yield(&all.Webhooks[i], nil) {
					return
				}
			}
		}
		return list(t, c.Output, items, 0, webhookColumns, "there is no webhook: bank webhook add URL makes one")
	})
}

// WebhookShowCommand shows a webhook.
type WebhookShowCommand struct {
	Webhook string `arg:"" help:"Its id or URL."`
	Flags
}

// Help returns the example.
func (WebhookShowCommand) Help() string {
	return "Example:\n\n  bank webhook show https://example.com/passbook"
}

// Run shows it.
func (c *WebhookShowCommand) Run(ctx context.Context, t *cli.Terminal) error {
	return c.webhook(ctx, t, func(ctx context.Context, s *Session, o ...client.Option) (*client.Webhook, error) {
		id, err := webhookID(ctx, s, c.Webhook)
		if err != nil {
			return nil, err
		}
		return s.Webhook(ctx, id, o...)
	})
}

// WebhookRotateCommand gives a webhook another secret.
type WebhookRotateCommand struct {
	Webhook string `arg:"" help:"Its id or URL."`
	Keep    int    `name:"keep" default:"86400" placeholder:"SECONDS" help:"How long the older secret signs too [86400]."`
	Flags
}

// Help returns what it does, and the example.
func (WebhookRotateCommand) Help() string {
	return "Both secrets sign until the older one ends: give the receiver the new one by then.\n\nExample:\n\n  bank webhook rotate https://example.com/passbook"
}

// Run makes it, and prints it.
func (c *WebhookRotateCommand) Run(ctx context.Context, t *cli.Terminal) error {
	return c.webhook(ctx, t, func(ctx context.Context, s *Session, o ...client.Option) (*client.Webhook, error) {
		id, err := webhookID(ctx, s, c.Webhook)
		if err != nil {
			return nil, err
		}
		return s.RotateWebhookSecret(ctx, id, client.SecretRotation{KeepSeconds: &c.Keep}, o...)
	})
}

// WebhookPauseCommand pauses a webhook.
type WebhookPauseCommand struct {
	Webhook string `arg:"" help:"Its id or URL."`
	Flags
}

// Help returns the example.
func (WebhookPauseCommand) Help() string {
	return "Nothing is lost: what happens is sent once it is resumed.\n\nExample:\n\n  bank webhook pause https://example.com/passbook"
}

// Run pauses it.
func (c *WebhookPauseCommand) Run(ctx context.Context, t *cli.Terminal) error {
	return c.pause(ctx, t, c.Webhook, true)
}

// pause pauses or resumes a webhook.
func (f *Flags) pause(ctx context.Context, t *cli.Terminal, name string, paused bool) error {
	return f.webhook(ctx, t, func(ctx context.Context, s *Session, o ...client.Option) (*client.Webhook, error) {
		id, err := webhookID(ctx, s, name)
		if err != nil {
			return nil, err
		}
		return s.ChangeWebhook(ctx, id, client.WebhookChange{Paused: &paused}, o...)
	})
}

// WebhookResumeCommand resumes a webhook.
type WebhookResumeCommand struct {
	Webhook string `arg:"" help:"Its id or URL."`
	Flags
}

// Help returns the example.
func (WebhookResumeCommand) Help() string {
	return "Example:\n\n  bank webhook resume https://example.com/passbook"
}

// Run resumes it.
func (c *WebhookResumeCommand) Run(ctx context.Context, t *cli.Terminal) error {
	return c.pause(ctx, t, c.Webhook, false)
}

// WebhookRemoveCommand removes a webhook.
type WebhookRemoveCommand struct {
	Webhook string `arg:"" help:"Its id or URL."`
	Yes     bool   `name:"yes" help:"Do not ask."`
	Flags
}

// Help returns the example.
func (WebhookRemoveCommand) Help() string {
	return "Example:\n\n  bank webhook remove https://example.com/passbook --yes"
}

// Run removes it.
func (c *WebhookRemoveCommand) Run(ctx context.Context, t *cli.Terminal) error {
	if err := t.Sure(c.Yes, "remove the webhook "+c.Webhook, c.Webhook); err != nil {
		return err
	}
	return c.Call(ctx, t, func(ctx context.Context, s *Session) error {
		id, err := webhookID(ctx, s, c.Webhook)
		if err == nil {
			err = s.RemoveWebhook(ctx, id)
		}
		if err != nil {
			return err
		}
		fmt.Fprintf(t.Err, "%s is removed; nothing is sent to it any more\n", c.Webhook)
		return nil
	})
}
