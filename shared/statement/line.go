package statement

import (
	"passbook/shared/api"
	"passbook/shared/event"
)

// Statement is a page of what changed an account's posted balance. Members are written in the order
// of the fields.
type Statement struct {
	AccountID string `json:"account_id"`
	Currency  string `json:"currency"`
	Opening   Posted `json:"opening"`
	Closing   Posted `json:"closing"`
	Lines     []Line `json:"lines"`
	api.Page
}

// Posted is the posted balance at a version.
type Posted struct {
	Posted  int64 `json:"posted"`
	Version int64 `json:"version"`
}

// Line is one movement of a statement. Amount is negative for money out.
type Line struct {
	EventID               string     `json:"event_id"`
	Version               int64      `json:"version"`
	TransactionID         string     `json:"transaction_id"`
	Type                  string     `json:"type"`
	RecordedAt            api.Time   `json:"recorded_at"`
	EffectiveAt           api.Date   `json:"effective_at"`
	Kind                  string     `json:"kind,omitempty"`
	HoldID                string     `json:"hold_id,omitempty"`
	OriginalTransactionID string     `json:"original_transaction_id,omitempty"`
	Contra                event.Text `json:"contra,omitzero"`
	Reference             event.Text `json:"reference,omitzero"`
	Amount                int64      `json:"amount"`
	Posted                int64      `json:"posted"`
}

// moves reports whether an event is a line of a statement.
func moves(ev event.Event) bool { return ev.TransactionID() != "" }

// lineOf renders a line of a statement.
func lineOf(of event.Account, r api.Recorded) Line {
	line := Line{
		EventID: of.EventID(r.Version), Version: r.Version, TransactionID: r.TransactionID(), Type: r.Body.Type(),
		RecordedAt: api.Time{Time: r.Entry.RecordedAt}, EffectiveAt: api.Date{Time: r.EffectiveAt},
		Amount: r.Amount(), Posted: r.After.Posted,
	}
	switch b := r.Body.(type) {
	case event.MoneyCredited:
		line.Kind, line.Contra, line.Reference = b.Kind, event.Text{Plain: b.Contra}, b.Reference
	case event.MoneyWithdrawn:
		line.Amount = -line.Amount
		line.Kind, line.HoldID, line.Contra, line.Reference = b.Kind, b.HoldID, event.Text{Plain: b.Contra}, b.Reference
	case event.TransactionReversed:
		if b.Direction == event.DirectionDebit {
			line.Amount = -line.Amount
		}
		line.OriginalTransactionID, line.Reference = b.OriginalTransactionID, b.Reason
	}
	return line
}
