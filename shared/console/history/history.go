package history

import (
	"embed"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"passbook/shared/access"
	"passbook/shared/console/client"
	"passbook/shared/console/view"
	"passbook/shared/web"
)

//go:embed templates
var files embed.FS

var templates = view.Parse(files, "templates/*.html")

// pages are the pages of this package.
type pages struct{ kit *view.Kit }

// Routes returns the page of an event, and the search.
func Routes(k *view.Kit) []web.Route {
	p := &pages{k}
	return []web.Route{
		k.Get("/ui/accounts/{account_id}/events/{version}", access.AccountsRead, p.event),
		k.Get("/ui/search", 0, p.search),
	}
}

// event is an event, as the API lists it.
type event struct {
	EventID       string          `json:"event_id"`
	AccountID     string          `json:"account_id"`
	Version       int64           `json:"version"`
	Type          string          `json:"type"`
	RecordedAt    time.Time       `json:"recorded_at"`
	EffectiveAt   string          `json:"effective_at"`
	CorrelationID string          `json:"correlation_id"`
	CausationID   string          `json:"causation_id"`
	Actor         json.RawMessage `json:"actor"`
	ActorName     string          `json:"actor_name"`
	Currency      string          `json:"currency"`
	Amount        int64           `json:"amount"`
	TransactionID string          `json:"transaction_id"`
	HoldID        string          `json:"hold_id"`
	After         struct{ Posted, Held, Limit int64 }
	Data          json.RawMessage `json:"data"`
}

// Name returns the name of the event.
func (e event) Name() string {
	var d view.EventData
	_ = json.Unmarshal(e.Data, &d) // what cannot be read is not said
	return view.EventTitle(e.Type, d)
}

// Who returns who caused the event: a name where the reader may see it.
func (e event) Who() string {
	if e.ActorName != "" {
		return e.ActorName
	}
	return plain(e.Actor)
}

// plain returns a text of the API, or that it is sealed.
func plain(text json.RawMessage) string {
	var s string
	if len(text) > 0 && json.Unmarshal(text, &s) != nil {
		return "sealed"
	}
	return s
}

// Available returns what could be withdrawn after the event.
func (e event) Available() int64 { return e.After.Posted - e.After.Held + e.After.Limit }

// Lines returns the event's data, indented.
func (e event) Lines() (string, error) {
	text, err := json.MarshalIndent(e.Data, "", "  ")
	if err != nil {
		return "", fmt.Errorf("indent the data of %s: %w", e.EventID, err)
	}
	return string(text), nil
}

// Page returns the address of the event's page.
func (e event) Page() string { return eventPage(e.AccountID, e.Version) }

func eventPage(account string, version int64) string {
	return "/ui/accounts/" + url.PathEscape(account) + "/events/" + strconv.FormatInt(version, 10)
}

// journey is how an event came about and where it went, as the API answers it.
type journey struct {
	Request struct {
		Actor          json.RawMessage `json:"actor"`
		IdempotencyKey string          `json:"idempotency_key"`
		CorrelationID  string          `json:"correlation_id"`
		First          int64           `json:"first"`
		Last           int64           `json:"last"`
		Status         int             `json:"status"`
	} `json:"request"`
	DecidedOn int64 `json:"decided_on"`
	Entry     struct {
		First      int64     `json:"first"`
		Last       int64     `json:"last"`
		RecordedAt time.Time `json:"recorded_at"`
		Commands   int       `json:"commands"`
		Format     int       `json:"format"`
		Hash       string    `json:"hash"`
		Prev       string    `json:"prev"`
		Signed     bool      `json:"signed"`
		Writer     string    `json:"writer"`
		Hashed     string    `json:"hashed"`
	} `json:"entry"`
	Stream *struct {
		Shard     string    `json:"shard"`
		Sequence  string    `json:"sequence"`
		ArrivedAt time.Time `json:"arrived_at"`
	} `json:"stream"`
	Models []struct {
		Name        string    `json:"name"`
		Folded      bool      `json:"folded"`
		Version     int64     `json:"version"`
		ProjectedAt time.Time `json:"projected_at"`
	} `json:"models"`
	Archive *struct {
		Object string `json:"object"`
		Row    int64  `json:"row"`
		Rows   int64  `json:"rows"`
		Bytes  int64  `json:"bytes"`
		Root   string `json:"root"`
	} `json:"archive"`
}

// After returns how long after the commit an instant was, empty before it or without one.
func (j journey) After(at time.Time) string {
	d := at.Sub(j.Entry.RecordedAt)
	switch {
	case at.IsZero(), d < 0:
		return ""
	case d < time.Second:
		return fmt.Sprintf("+%d ms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("+%.1f s", d.Seconds())
	}
	return "+" + view.Lasts(d)
}

// eventData is what the page of an event shows.
type eventData struct {
	event
	Journey        *journey
	Failed         *client.Problem // instead of the journey
	Account        string
	Before, Behind string // the pages of the neighbours
}

// event shows an event.
func (p *pages) event(r *view.Request) (view.Page, error) {
	id := r.Param("account_id")
	version, err := strconv.ParseInt(r.Param("version"), 10, 64)
	if err != nil {
		version = 0 // the API says what is wrong with it
	}
	api := "/v1/accounts/" + url.PathEscape(id) + "/events"
	page := view.Page{
		Title: fmt.Sprintf("%s:%d", id, version), Section: "Accounts", Templates: templates, Name: "event",
		Path:   []view.Link{{Text: "Accounts", Href: "/ui/accounts"}, {Text: id, Href: "/ui/accounts/" + url.PathEscape(id)}},
		Source: fmt.Sprintf("%s/%d/journey", api, version),
	}
	e, err := eventAt(r, id, version)
	if err != nil {
		return page, err
	}
	data := eventData{event: e, Account: id}
	if version > 1 {
		data.Before = eventPage(id, version-1)
	}
	data.Behind = eventPage(id, version+1)
	var j journey
	if _, err := r.API.Get(r.Ctx(), page.Source, &j); err != nil {
		data.Failed = p.kit.Failed(r.Ctx(), err)
	} else {
		data.Journey = &j
	}
	page.Data = data
	return page, nil
}

// eventAt reads the event of an account at a version. The API's refusal is that of the journey,
// since a list that begins behind the head is empty.
func eventAt(r *view.Request, id string, version int64) (event, error) {
	var list struct {
		Events []event `json:"events"`
	}
	path := "/v1/accounts/" + url.PathEscape(id) + "/events"
	_, err := r.API.Get(r.Ctx(), fmt.Sprintf("%s?from_version=%d&limit=1", path, version), &list)
	if err == nil && (len(list.Events) == 0 || list.Events[0].Version != version) {
		_, err = r.API.Get(r.Ctx(), fmt.Sprintf("%s/%d/journey", path, version), nil)
		if err == nil {
			err = fmt.Errorf("the event %s:%d is in no list", id, version)
		}
	}
	if err != nil {
		return event{}, err
	}
	e := list.Events[0]
	e.AccountID = id
	return e, nil
}
