package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"
)

// CreateWebhook has events sent to a URL. The answer has the secret, which is never answered again.
// Only one webhook has a URL, so a repetition after a lost answer is refused as webhook-exists.
func (c *Client) CreateWebhook(ctx context.Context, body NewWebhook, options ...Option) (*Webhook, error) {
	return change[Webhook](ctx, c, http.MethodPost, webhook(""), body, options)
}

// Webhooks returns the webhooks of the tenant.
func (c *Client) Webhooks(ctx context.Context, options ...Option) (*Webhooks, error) {
	return get[Webhooks](ctx, c, webhook(""), nil, options)
}

// Webhook returns a webhook.
func (c *Client) Webhook(ctx context.Context, id string, options ...Option) (*Webhook, error) {
	return get[Webhook](ctx, c, webhook(id), nil, options)
}

// ChangeWebhook changes what is given of a webhook.
func (c *Client) ChangeWebhook(ctx context.Context, id string, body WebhookChange, options ...Option) (*Webhook, error) {
	return change[Webhook](ctx, c, http.MethodPatch, webhook(id), body, options)
}

// RemoveWebhook removes a webhook.
func (c *Client) RemoveWebhook(ctx context.Context, id string, options ...Option) error {
	return c.Do(ctx, http.MethodDelete, webhook(id), nil, nil, options...)
}

// RotateWebhookSecret gives a webhook another secret, which is in the answer.
func (c *Client) RotateWebhookSecret(ctx context.Context, id string, body SecretRotation, options ...Option) (*Webhook, error) {
	return change[Webhook](ctx, c, http.MethodPost, webhook(id)+"/secret", body, options)
}

// TestWebhook sends an event of no account to a webhook, and says what became of it.
func (c *Client) TestWebhook(ctx context.Context, id string, options ...Option) (*WebhookTest, error) {
	return change[WebhookTest](ctx, c, http.MethodPost, webhook(id)+"/test", nil, options)
}

// ReplayWebhook has events sent again.
func (c *Client) ReplayWebhook(ctx context.Context, id string, body WebhookReplay, options ...Option) (*WebhookReplayed, error) {
	return change[WebhookReplayed](ctx, c, http.MethodPost, webhook(id)+"/replay", body, options)
}

// Deliveries returns how far each account of a state is for a webhook.
func (c *Client) Deliveries(ctx context.Context, id string, state DeliveryState, options ...Option) iter.Seq2[Delivery, error] {
	return pages(ctx, c, webhook(id)+"/deliveries", values("state", string(state)), options, func(p *DeliveryPage) ([]Delivery, string, bool) {
		return p.Deliveries, p.NextCursor, p.HasMore
	})
}

// webhook returns the path of a webhook, or of all of them.
func webhook(id string) string {
	if id == "" {
		return "/v1/webhooks"
	}
	return "/v1/webhooks/" + url.PathEscape(id)
}

// change sends what is no command of an account, and decodes its answer.
func change[T any](ctx context.Context, c *Client, method, path string, body any, options []Option) (*T, error) {
	into := new(T)
	return into, c.Do(ctx, method, path, body, into, options...)
}
