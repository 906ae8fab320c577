package account

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"

	"passbook/shared/console/client"
	"passbook/shared/console/view"
)

// balance is what an account has at a version, as the API answers it.
type balance struct {
	Currency         string `json:"currency"`
	Status           string `json:"status"`
	Frozen           string `json:"frozen"`
	Posted           int64  `json:"posted"`
	Held             int64  `json:"held"`
	Limit            int64  `json:"limit"`
	Available        int64  `json:"available"`
	Version          int64  `json:"version"`
	AsOf             string `json:"as_of"`
	BlockedAtVersion int64  `json:"blocked_at_version"`
}

// Drawn returns how much of the line of credit is drawn.
func (b balance) Drawn() int64 { return max(0, -b.Posted) }

// Reserved returns how much of the line of credit holds reserve beyond the account's own money.
func (b balance) Reserved() int64 { return max(0, b.Held-max(0, b.Posted)) }

// Free returns what is left of the line of credit.
func (b balance) Free() int64 { return max(0, b.Limit-b.Drawn()-b.Reserved()) }

// Over returns by how much the use of the line exceeds it.
func (b balance) Over() int64 { return max(0, b.Drawn()+b.Reserved()-b.Limit) }

// current is an account's newest version, with who holds it.
type current struct {
	HolderRef string `json:"holder_ref"`
	Product   string `json:"product"`
	balance
}

// event is an event, as the API answers it.
type event struct {
	EventID       string          `json:"event_id"`
	Version       int64           `json:"version"`
	Type          string          `json:"type"`
	RecordedAt    string          `json:"recorded_at"`
	EffectiveAt   string          `json:"effective_at"`
	CorrelationID string          `json:"correlation_id"`
	Actor         sealable        `json:"actor"`
	ActorName     string          `json:"actor_name"`
	Currency      string          `json:"currency"`
	Amount        int64           `json:"amount"`
	TransactionID string          `json:"transaction_id"`
	HoldID        string          `json:"hold_id"`
	After         amounts         `json:"after"`
	Data          json.RawMessage `json:"data"`
}

type amounts struct {
	Posted int64 `json:"posted"`
	Held   int64 `json:"held"`
	Limit  int64 `json:"limit"`
}

// sealable is a text that may be sealed under a key, and then says so.
type sealable string

// UnmarshalJSON reads the text, or that it is sealed.
func (s *sealable) UnmarshalJSON(b []byte) error {
	var plain string
	if json.Unmarshal(b, &plain) == nil {
		*s = sealable(plain)
		return nil
	}
	*s = "(sealed)"
	return nil
}

// then returns the account at the moment of a place. The newest one comes from the account's own
// history; the row of it, which may be behind, is only asked whether it is blocked.
func (p *Pages) then(r *view.Request, at place, now current) (balance, error) {
	path := at.api("/balance")
	switch {
	case at.version != "":
		path += "?version=" + url.QueryEscape(at.version)
	case at.at != "":
		path += "?at=" + url.QueryEscape(instant(at.at))
	default:
		then := now.balance
		var row balance
		if _, err := r.API.Get(r.Ctx(), path, &row); err == nil {
			then.BlockedAtVersion = row.BlockedAtVersion
		} else if problem := (*client.Problem)(nil); !errors.As(err, &problem) {
			return then, err
		}
		return then, nil
	}
	var then balance
	_, err := r.API.Get(r.Ctx(), path, &then)
	return then, err
}

// instant returns a time as the API takes it, of one as a form sends it, without a zone: UTC.
func instant(text string) string {
	const withMinutes, withSeconds = len("2006-01-02T15:04"), len("2006-01-02T15:04:05")
	switch {
	case len(text) == withMinutes:
		return text + ":59.999999Z"
	case len(text) == withSeconds:
		return text + ".999999Z"
	}
	return text
}

// lastEvent returns the event of a version.
func lastEvent(r *view.Request, at place, version int64) (*event, error) {
	events, err := readEvents(r, at, version, 1, "")
	if err != nil {
		return nil, err
	}
	if len(events) == 0 {
		return nil, fmt.Errorf("the account has no version %d", version)
	}
	return &events[0], nil
}

// readEvents reads up to most events from a version on, of a type or of all.
func readEvents(r *view.Request, at place, from int64, most int, kind string) ([]event, error) {
	q := url.Values{"from_version": {strconv.FormatInt(from, 10)}, "limit": {strconv.Itoa(most)}}
	if kind != "" {
		q.Set("type", kind)
	}
	var answer struct {
		Events []event `json:"events"`
	}
	_, err := r.API.Get(r.Ctx(), at.api("/events?"+q.Encode()), &answer)
	return answer.Events, err
}

// Local returns the balance's time as a form has it, in UTC without a zone.
func (b balance) Local() string {
	const withSeconds = len("2006-01-02T15:04:05")
	if len(b.AsOf) < withSeconds {
		return ""
	}
	return b.AsOf[:withSeconds]
}
