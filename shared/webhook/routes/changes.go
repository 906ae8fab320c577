package routes

import (
	"net/http"
	"slices"
	"time"

	"github.com/labstack/echo/v4"

	"passbook/shared/access"
	"passbook/shared/account"
	"passbook/shared/event"
	"passbook/shared/web"
	"passbook/shared/webhook"
)

// maxKeep is the longest that a rotated secret still signs, in seconds: a week.
const maxKeep = 7 * 24 * 60 * 60

// The names of the actions in the operators' log.
const (
	jobAdd    = "webhook-add"
	jobChange = "webhook-change"
	jobRotate = "webhook-rotate"
	jobRemove = "webhook-remove"
	jobReplay = "webhook-replay"
)

// body reads the fields of a request that has no query parameters.
func body(c echo.Context) (*web.Fields, error) {
	if err := web.ParseQuery(c).Problem(); err != nil {
		return nil, err
	}
	text, problem := web.ReadBody(nil, c.Request())
	if problem != nil {
		return nil, problem
	}
	return web.ParseFields(text), nil
}

// invalid returns what is wrong with fields, as an error.
func invalid(f *web.Fields) error {
	if p := f.Problem(); p != nil {
		return p
	}
	return nil
}

// takeURL takes the URL.
func (a *API) takeURL(f *web.Fields, need web.Need) string {
	text := f.Text("url", need)
	if text == "" {
		return ""
	}
	if err := a.Allowed.CheckURL(text); err != nil {
		f.FailForm("url", account.FieldNotAllowed, err.Error())
	}
	return text
}

// takeTypes takes the types of events.
func takeTypes(f *web.Fields) []string {
	list := f.Texts("types")
	for _, name := range list {
		if !slices.Contains(event.Types(), name) {
			f.FailForm("types", account.FieldNotOneOf, account.FormOneOf(event.Types()...))
			break
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// takeAccounts takes the ids of accounts.
func takeAccounts(f *web.Fields) []string {
	list := f.Texts("accounts")
	if len(list) > webhook.MaxAccounts {
		f.FailForm("accounts", account.FieldTooLong, "at most 100 ids of accounts; leave it out for all")
	}
	if slices.ContainsFunc(list, func(id string) bool { return !account.ValidAccountID(id) }) {
		f.FailForm("accounts", account.FieldSyntax, account.FormID)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// checkDescription checks a description that is not empty.
func checkDescription(f *web.Fields, text string) string {
	if text != "" && !account.ValidName(text) {
		f.FailForm("description", account.FieldSyntax, account.FormName)
	}
	return text
}

// change is what a request changes of an endpoint; nil and an empty URL leave it as it is.
type change struct {
	url             string
	description     *string
	types, accounts []string
	paused          *bool
}

// takeChange takes a change. An empty description has it cleared.
func (a *API) takeChange(f *web.Fields) change {
	c := change{url: a.takeURL(f, web.Optional), description: f.OptText("description"), types: takeTypes(f), accounts: takeAccounts(f), paused: f.OptBool("paused")}
	if c.description != nil {
		checkDescription(f, *c.description)
	}
	return c
}

// params returns the change as the operators' log has it.
func (c change) params(id string) map[string]any {
	return map[string]any{"webhook": id, "url": webhook.Place(c.url), "types": c.types, "accounts": c.accounts, "paused": c.paused}
}

// on changes an endpoint; by is who does it.
func (c change) on(e *webhook.Endpoint, by string) {
	if c.url != "" {
		e.URL = c.url
	}
	if c.description != nil {
		e.Description = *c.description
	}
	if c.types != nil {
		e.Types = c.types
	}
	if c.accounts != nil {
		e.Accounts = c.accounts
	}
	switch {
	case c.paused == nil:
	case *c.paused:
		e.State, e.Cause = webhook.Paused, "Paused by "+by+"."
	default:
		e.State, e.Cause = webhook.Active, ""
	}
}

// create makes an endpoint, and answers its secret.
func (a *API) create(c echo.Context) error {
	f, err := body(c)
	if err != nil {
		return err
	}
	who := access.From(c.Request().Context())
	e := webhook.Endpoint{Tenant: who.Tenant, CreatedBy: who.Actor, URL: a.takeURL(f, web.Required), Description: checkDescription(f, f.Text("description", web.Optional)), Types: takeTypes(f), Accounts: takeAccounts(f)}
	from := f.Text("from", web.Optional)
	if from != "" && from != "earliest" {
		var ok bool
		if e.Since, ok = account.ParseTime(from); !ok || e.Since.After(a.Now()) {
			f.FailForm("from", account.FieldSyntax, "earliest or an instant that has passed, such as 2026-11-30T08:30:00Z")
		}
	}
	if err := invalid(f); err != nil {
		return err
	}
	ctx := c.Request().Context()
	var made *webhook.Endpoint
	err = a.logged(ctx, jobAdd, map[string]any{"url": webhook.Place(e.URL), "types": e.Types, "accounts": e.Accounts, "from": from}, func() (err error) {
		made, err = a.Registry.Create(ctx, e, from != "")
		return err
	})
	if err != nil {
		return err
	}
	c.Response().Header().Set("Location", pathList+"/"+made.ID)
	view := answer(made, a.Now())
	view.Secret = made.Secrets[0].Text
	return web.ReplyJSON(c, http.StatusCreated, view)
}

// update changes what is given, and pauses or resumes the endpoint.
func (a *API) update(c echo.Context) error {
	f, err := body(c)
	if err != nil {
		return err
	}
	asked := a.takeChange(f)
	if err := invalid(f); err != nil {
		return err
	}
	of, id := tenant(c)
	ctx := c.Request().Context()
	var changed *webhook.Endpoint
	err = a.logged(ctx, jobChange, asked.params(id), func() (err error) {
		changed, err = a.Registry.Update(ctx, of, id, func(e *webhook.Endpoint) { asked.on(e, access.From(ctx).Actor) })
		return err
	})
	if err != nil {
		return err
	}
	return web.ReplyJSON(c, http.StatusOK, answer(changed, a.Now()))
}

// remove removes the endpoint.
func (a *API) remove(c echo.Context) error {
	if err := web.ParseQuery(c).Problem(); err != nil {
		return err
	}
	of, id := tenant(c)
	ctx := c.Request().Context()
	err := a.logged(ctx, jobRemove, map[string]any{"webhook": id}, func() error {
		_, err := a.Registry.Remove(ctx, of, id)
		return err
	})
	if err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

// rotate gives the endpoint another secret, and answers it.
func (a *API) rotate(c echo.Context) error {
	f, err := body(c)
	if err != nil {
		return err
	}
	keep := time.Duration(-1)
	if seconds := f.OptInt("keep_seconds"); seconds != nil {
		if keep = time.Duration(*seconds) * time.Second; *seconds < 0 || *seconds > maxKeep {
			f.FailForm("keep_seconds", account.FieldOutOfRange, "how many seconds the older secret signs too, 0 to 604800")
		}
	}
	if err := invalid(f); err != nil {
		return err
	}
	of, id := tenant(c)
	ctx := c.Request().Context()
	var changed *webhook.Endpoint
	err = a.logged(ctx, jobRotate, map[string]any{"webhook": id}, func() (err error) {
		changed, err = a.Registry.Rotate(ctx, of, id, keep)
		return err
	})
	if err != nil {
		return err
	}
	view := answer(changed, a.Now())
	view.Secret = changed.Secrets[0].Text
	return web.ReplyJSON(c, http.StatusOK, view)
}
