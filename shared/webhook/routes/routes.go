package routes

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"passbook/shared/access"
	"passbook/shared/api"
	"passbook/shared/opslog"
	"passbook/shared/table"
	"passbook/shared/web"
	"passbook/shared/webhook"
	"passbook/shared/webhook/delivery"
)

// API serves the endpoints. Every field is required.
type API struct {
	Table    table.Table
	Registry *webhook.Registry
	Store    *delivery.Store
	Client   *delivery.Client
	// Allowed are the networks that are not on the internet to which events may be sent.
	Allowed delivery.Allowed
	Now     func() time.Time
}

// The paths of the routes.
const (
	pathList = "/v1/webhooks"
	pathOne  = pathList + "/{webhook_id}"
)

// Routes returns the routes.
func (a *API) Routes() []web.Route {
	read, write := access.WebhooksRead, access.WebhooksWrite
	return []web.Route{
		{Method: http.MethodGet, Path: pathList, Scopes: read, Handler: a.list},
		{Method: http.MethodPost, Path: pathList, Scopes: write, Handler: a.create},
		{Method: http.MethodGet, Path: pathOne, Scopes: read, Handler: a.get},
		{Method: http.MethodPatch, Path: pathOne, Scopes: write, Handler: a.update},
		{Method: http.MethodDelete, Path: pathOne, Scopes: write, Handler: a.remove},
		{Method: http.MethodPost, Path: pathOne + "/secret", Scopes: write, Handler: a.rotate},
		{Method: http.MethodPost, Path: pathOne + "/test", Scopes: write, Handler: a.test},
		{Method: http.MethodGet, Path: pathOne + "/deliveries", Scopes: read, Handler: a.deliveries},
		{Method: http.MethodPost, Path: pathOne + "/replay", Scopes: write, Handler: a.replay},
	}
}

// Endpoint is an endpoint, as answers have it.
type Endpoint struct {
	ID          string   `json:"webhook_id"`
	URL         string   `json:"url"`
	Description string   `json:"description,omitempty"`
	Types       []string `json:"types"`
	Accounts    []string `json:"accounts"`
	// State is active or paused; Cause says why it is paused.
	State     string   `json:"state"`
	Cause     string   `json:"cause,omitempty"`
	Since     api.Time `json:"since,omitzero"`
	CreatedAt api.Time `json:"created_at"`
	CreatedBy string   `json:"created_by"`
	Secrets   []Secret `json:"secrets"`
	// Secret is answered once, when it is made.
	Secret string `json:"secret,omitempty"`
}

// Secret is what is shown of a secret.
type Secret struct {
	ID        string   `json:"secret_id"`
	CreatedAt api.Time `json:"created_at"`
	ExpiresAt api.Time `json:"expires_at,omitzero"`
}

// answer returns an endpoint as answers have it at a time, without the secrets that have ended.
func answer(e *webhook.Endpoint, now time.Time) Endpoint {
	view := Endpoint{
		ID: e.ID, URL: e.URL, Description: e.Description, Types: orNone(e.Types), Accounts: orNone(e.Accounts), State: e.State, Cause: e.Cause,
		Since: api.Time{Time: e.Since}, CreatedAt: api.Time{Time: e.Created}, CreatedBy: e.CreatedBy, Secrets: []Secret{},
	}
	for _, s := range e.Secrets {
		if s.Expires.IsZero() || now.Before(s.Expires) {
			view.Secrets = append(view.Secrets, Secret{s.ID, api.Time{Time: s.Created}, api.Time{Time: s.Expires}})
		}
	}
	return view
}

// orNone returns a list that is not nil.
func orNone(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// tenant returns the caller's tenant, and the id of the path.
func tenant(c echo.Context) (tenant, id string) {
	return access.From(c.Request().Context()).Tenant, c.Param("webhook_id")
}

// list answers all endpoints of the tenant: there are few.
func (a *API) list(c echo.Context) error {
	if err := web.ParseQuery(c).Problem(); err != nil {
		return err
	}
	set, err := a.Registry.Current(c.Request().Context())
	if err != nil {
		return unavailable(err)
	}
	of, _ := tenant(c)
	page := struct {
		Webhooks []Endpoint `json:"webhooks"`
	}{[]Endpoint{}}
	for _, e := range set.Of(of) {
		page.Webhooks = append(page.Webhooks, answer(e, a.Now()))
	}
	return web.ReplyJSON(c, http.StatusOK, page)
}

// one returns the endpoint of the path.
func (a *API) one(c echo.Context) (*webhook.Endpoint, error) {
	set, err := a.Registry.Current(c.Request().Context())
	if err != nil {
		return nil, unavailable(err)
	}
	e, err := set.Get(tenant(c))
	return e, unavailable(err)
}

// get answers one endpoint.
func (a *API) get(c echo.Context) error {
	if err := web.ParseQuery(c).Problem(); err != nil {
		return err
	}
	e, err := a.one(c)
	if err != nil {
		return err
	}
	return web.ReplyJSON(c, http.StatusOK, answer(e, a.Now()))
}

// unavailable returns the problem of an error of the registry or the rows.
func unavailable(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, webhook.ErrUnknown):
		return web.Refuse(api.WebhookNotFound)
	case errors.Is(err, webhook.ErrExists):
		return web.Refuse(api.WebhookExists)
	case errors.Is(err, webhook.ErrTooMany):
		return web.Refuse(api.TooManyWebhooks)
	case errors.Is(err, delivery.ErrNoDelivery):
		return web.Refuse(api.DeliveryNotFound)
	}
	return api.RowsUnavailable(err)
}

// logged does something to an endpoint that the operators' log has before it begins.
func (a *API) logged(ctx context.Context, job string, params map[string]any, do func() error) error {
	who := access.From(ctx)
	text, err := json.Marshal(params)
	if err != nil {
		return fmt.Errorf("write the operators' log: %w", err)
	}
	action, err := opslog.Begin(ctx, a.Table, opslog.Action{Job: job, Actor: who.Actor, Tenant: who.Tenant, Params: string(text)})
	if err != nil {
		return api.RowsUnavailable(err)
	}
	done := do()
	outcome := opslog.Outcome{State: opslog.Done}
	if done != nil {
		outcome = opslog.Outcome{State: opslog.Failed, ExitCode: 1, Error: done.Error()}
	}
	if err := action.End(ctx, a.Table, outcome); err != nil && done == nil {
		return api.RowsUnavailable(err)
	}
	return unavailable(done)
}
