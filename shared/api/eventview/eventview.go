package eventview

import (
	"encoding/json"

	"passbook/shared/event"
)

// Amounts are what an account has, in minor units of its currency.
type Amounts struct {
	Posted int64 `json:"posted"`
	Held   int64 `json:"held"`
	Limit  int64 `json:"limit"`
}

// Event is an event with what it shares with the others of its entry. Members are written in the
// order of the fields.
type Event struct {
	EventID string `json:"event_id"`
	// AccountID is absent in a list of one account.
	AccountID     string     `json:"account_id,omitempty"`
	Version       int64      `json:"version"`
	Type          string     `json:"type"`
	Schema        int        `json:"schema"`
	RecordedAt    Time       `json:"recorded_at"`
	EffectiveAt   Date       `json:"effective_at"`
	CorrelationID string     `json:"correlation_id"`
	CausationID   string     `json:"causation_id,omitempty"`
	Actor         event.Text `json:"actor"`
	// ActorName is the name of the actor's person, for who may read names.
	ActorName     string          `json:"actor_name,omitempty"`
	Currency      string          `json:"currency"`
	Amount        int64           `json:"amount,omitempty"`
	TransactionID string          `json:"transaction_id,omitempty"`
	HoldID        string          `json:"hold_id,omitempty"`
	After         Amounts         `json:"after"`
	Data          json.RawMessage `json:"data"`
}

// Of returns the view of an event of an entry, without the account.
func Of(e *event.Entry, ev event.Event) Event {
	command := e.Commands[ev.Command]
	return Event{
		EventID: event.EventID(e.AccountID, ev.Version), Version: ev.Version, Type: ev.Body.Type(), Schema: ev.Schema,
		RecordedAt: Time{Time: e.RecordedAt}, EffectiveAt: Date{Time: ev.EffectiveAt},
		CorrelationID: command.CorrelationID, CausationID: e.Causation(ev), Actor: command.Actor,
		Currency: e.Currency, Amount: ev.Amount(), TransactionID: ev.TransactionID(), HoldID: ev.HoldID(),
		After: Amounts(ev.After), Data: json.RawMessage(ev.Data),
	}
}

// OfAccount returns the view of an event of an entry, in a list over all accounts.
func OfAccount(e *event.Entry, ev event.Event) Event {
	view := Of(e, ev)
	view.AccountID = e.AccountID
	return view
}
