package routes

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"passbook/shared/account"
	"passbook/shared/api"
	"passbook/shared/event"
	"passbook/shared/web"
	"passbook/shared/webhook/delivery"
)

const (
	// testMost bounds a test, which its caller waits for.
	testMost = 8 * time.Second
	// replayMost bounds the accounts that one call has replayed.
	replayMost = 500
)

// Delivery is how far an account is for an endpoint, as answers have it.
type Delivery struct {
	AccountID string `json:"account_id"`
	State     string `json:"state"`
	// Next is the next version to send, Seen the newest that there is.
	Next int64 `json:"next_version"`
	Seen int64 `json:"seen_version"`
	// NextAttemptAt is when a pending one is due; DeliveredAt and DeadAt when it came to that.
	NextAttemptAt api.Time `json:"next_attempt_at,omitzero"`
	DeliveredAt   api.Time `json:"delivered_at,omitzero"`
	DeadAt        api.Time `json:"dead_at,omitzero"`
	// Attempts is how often the next version was refused, since FailingSince.
	Attempts     int64    `json:"attempts,omitempty"`
	FailingSince api.Time `json:"failing_since,omitzero"`
	LastStatus   int64    `json:"last_status,omitempty"`
	LastError    string   `json:"last_error,omitempty"`
}

// viewOf returns a row as answers have it.
func viewOf(r delivery.Row) Delivery {
	d := Delivery{
		AccountID: r.Account.ID, State: string(r.State), Next: r.Next, Seen: r.Seen, Attempts: r.Attempts, FailingSince: api.Time{Time: r.FailedAt}, LastStatus: r.Status, LastError: r.Error,
	}
	at := api.Time{Time: r.At}
	switch r.State {
	case delivery.Pending:
		d.NextAttemptAt = at
	case delivery.Delivered:
		d.DeliveredAt = at
	case delivery.Dead:
		d.DeadAt = at
	}
	return d
}

// deliveries answers a page of the endpoint's accounts of one state.
func (a *API) deliveries(c echo.Context) error {
	of, id := tenant(c)
	q := web.ParseQuery(c)
	state := delivery.State(q.OneOf("state", string(delivery.Pending), string(delivery.Delivered), string(delivery.Dead)))
	if state == "" {
		state = delivery.Pending
	}
	limit := q.Limit()
	query := "webhook-deliveries\n" + of + "\n" + id + "\n" + string(state)
	after := q.Cursor(query)
	if err := q.Problem(); err != nil {
		return err
	}
	e, err := a.one(c)
	if err != nil {
		return err
	}
	rows, next, err := a.Store.Page(c.Request().Context(), e.ID, state, after, limit)
	if err != nil {
		return unavailable(err)
	}
	page := struct {
		Deliveries []Delivery `json:"deliveries"`
		api.Page
	}{Deliveries: []Delivery{}}
	for _, row := range rows {
		page.Deliveries = append(page.Deliveries, viewOf(row))
	}
	if next != "" {
		next = web.EncodeCursor(query, next)
	}
	page.Page = api.NextPage(c, next)
	return web.ReplyJSON(c, http.StatusOK, page)
}

// testResult is what became of a test.
type testResult struct {
	EventID string `json:"event_id"`
	Taken   bool   `json:"taken"`
	// Status is what was answered, 0 for no answer; Error says why the event was not taken.
	Status int         `json:"status,omitempty"`
	Error  string      `json:"error,omitempty"`
	Took   api.Seconds `json:"took_seconds"`
}

// test sends an event of no account once, and answers what became of it.
func (a *API) test(c echo.Context) error {
	f, err := body(c)
	if err != nil {
		return err
	}
	if err := invalid(f); err != nil {
		return err
	}
	e, err := a.one(c)
	if err != nil {
		return err
	}
	id := "test:" + uuid.NewString()
	text, err := json.Marshal(map[string]any{"event_id": id, "type": "WebhookTest", "recorded_at": api.Time{Time: a.Now()}})
	if err != nil {
		return fmt.Errorf("encode a test: %w", err)
	}
	ctx, cancel := context.WithTimeout(c.Request().Context(), testMost)
	defer cancel()
	outcome := a.Client.Send(ctx, e, id, text)
	result := testResult{EventID: id, Taken: outcome.Err == nil, Status: outcome.Status, Took: api.Seconds(outcome.Took.Seconds())}
	if outcome.Err != nil {
		result.Error = outcome.Err.Error()
	}
	return web.ReplyJSON(c, http.StatusOK, result)
}

// replayed says how many accounts are sent again.
type replayed struct {
	Accounts int `json:"accounts"`
	// More says that there are further dead accounts: call again.
	More bool `json:"has_more"`
}

// replay has one account sent from a version on, or all dead accounts from where they are.
func (a *API) replay(c echo.Context) error {
	f, err := body(c)
	if err != nil {
		return err
	}
	id := f.AccountID("account_id", web.Optional)
	from := f.OptInt("from_version")
	switch {
	case from != nil && (*from < 1 || *from > event.MaxVersion):
		f.FailForm("from_version", account.FieldOutOfRange, "a version from 1 on")
	case from != nil && id == "":
		f.FailForm("from_version", web.FieldNotTogether, "given with account_id only: versions belong to an account")
	}
	if err := invalid(f); err != nil {
		return err
	}
	e, err := a.one(c)
	if err != nil {
		return err
	}
	of, _ := tenant(c)
	ctx := c.Request().Context()
	params := map[string]any{"webhook": e.ID}
	if id != "" {
		params["account"], params["from_version"] = id, from
	}
	var done replayed
	err = a.logged(ctx, jobReplay, params, func() (err error) {
		if id == "" {
			done, err = a.replayDead(ctx, e.ID)
			return err
		}
		version := int64(0)
		if from != nil {
			version = *from
		}
		done.Accounts = 1
		_, err = a.Store.Replay(ctx, e.ID, event.Account{Tenant: of, ID: id}, version)
		return err
	})
	if err != nil {
		return err
	}
	return web.ReplyJSON(c, http.StatusOK, done)
}

// replayDead has dead accounts of an endpoint sent from where they are.
func (a *API) replayDead(ctx context.Context, endpoint string) (done replayed, err error) {
	rows, next, err := a.Store.Page(ctx, endpoint, delivery.Dead, "", replayMost)
	for _, row := range rows {
		if _, err := a.Store.Replay(ctx, endpoint, row.Account, 0); err != nil {
			return done, err
		}
		done.Accounts++
	}
	done.More = next != ""
	return done, err
}
