package api

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"passbook/shared/account"
	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/shared/web"
)

// CommandAnswer is the answer to an accepted command. It is rendered from the command's entry alone
// and in the order of the fields, by appendAnswer, so that a repeated command gets the same bytes.
type CommandAnswer struct {
	AccountID string `json:"account_id"`
	// Version is that of the command's last event.
	Version int64 `json:"version"`
	// TransactionID and HoldID are what the command made; empty for none.
	TransactionID string `json:"transaction_id,omitempty"`
	HoldID        string `json:"hold_id,omitempty"`
	// Provisional, here and below, says that a dry run made the version and the ids: another
	// command may get them.
	Provisional bool `json:"provisional,omitempty"`
	// To is the other side of a transfer.
	To      *Leg           `json:"to,omitempty"`
	Events  []CommandEvent `json:"events"`
	Balance CommandBalance `json:"balance"`
}

// Leg is one side of a transfer.
type Leg struct {
	AccountID     string `json:"account_id"`
	Version       int64  `json:"version"`
	TransactionID string `json:"transaction_id"`
	Provisional   bool   `json:"provisional,omitempty"`
}

// CommandEvent is an event that a command made.
type CommandEvent struct {
	EventID       string          `json:"event_id"`
	Version       int64           `json:"version"`
	Type          string          `json:"type"`
	TransactionID string          `json:"transaction_id,omitempty"`
	HoldID        string          `json:"hold_id,omitempty"`
	Provisional   bool            `json:"provisional,omitempty"`
	Data          json.RawMessage `json:"data"`
}

// CommandBalance is what the account has after a command, in minor units.
type CommandBalance struct {
	Currency  string `json:"currency"`
	Posted    int64  `json:"posted"`
	Held      int64  `json:"held"`
	Limit     int64  `json:"limit"`
	Available int64  `json:"available"`
}

// appendAnswer renders the CommandAnswer of a receipt, ten thousand times a second.
func appendAnswer(j *web.JSON, rc journal.Receipt) {
	events := rc.Entry.EventsOf(rc.Command)
	last := events[len(events)-1]
	j.Begin()
	j.String("account_id", rc.Entry.AccountID)
	j.Int("version", last.Version)
	appendIDs(j, events, rc.Provisional)
	j.BeginList("events")
	for i := range events {
		ev := &events[i]
		j.Begin()
		j.String("event_id", event.EventID(rc.Entry.AccountID, ev.Version))
		j.Int("version", ev.Version)
		j.String("type", ev.Body.Type())
		j.OptString("transaction_id", ev.TransactionID())
		j.OptString("hold_id", ev.HoldID())
		markProvisional(j, rc.Provisional)
		j.Raw("data", ev.Data)
		j.End()
	}
	j.EndList()
	j.BeginObject("balance")
	j.String("currency", rc.Entry.Currency)
	j.Int("posted", last.After.Posted)
	j.Int("held", last.After.Held)
	j.Int("limit", last.After.Limit)
	j.Int("available", account.State{Posted: last.After.Posted, Held: last.After.Held, Limit: last.After.Limit}.Available())
	j.End()
	j.End()
}

// markProvisional marks the ids of an object as provisional.
func markProvisional(j *web.JSON, provisional bool) {
	if provisional {
		j.Bool("provisional", true)
	}
}

// appendIDs adds the transaction or the hold that the command made, and the other side of a
// transfer. A hold that expired before the command has an event in the same entry, whose id is left
// out.
func appendIDs(j *web.JSON, events []event.Event, provisional bool) {
	transaction, hold, to := "", "", ""
	for i := range events {
		ev := &events[i]
		if released, ok := ev.Body.(event.HoldReleased); ok && released.Reason == event.ReasonExpired {
			continue
		}
		if id := ev.TransactionID(); id != "" {
			transaction = id
		}
		if id := ev.HoldID(); id != "" {
			hold = id
		}
		if out, ok := ev.Body.(event.MoneyWithdrawn); ok && out.Kind == event.KindTransferOut {
			to = out.Contra
		}
	}
	j.OptString("transaction_id", transaction)
	j.OptString("hold_id", hold)
	markProvisional(j, provisional)
	id, text, _ := strings.Cut(to, ":") // an account id has no colon
	version, ok := parseVersion(text)
	if !ok {
		return
	}
	j.BeginObject("to")
	j.String("account_id", id)
	j.Int("version", version)
	j.String("transaction_id", event.TransactionID(version))
	markProvisional(j, provisional)
	j.End()
}

// declined returns the problem of a stored decline, the same whenever its key is repeated; nil when
// the command was accepted. Its code is the reason in the event.
func declined(rc journal.Receipt) *web.Problem {
	if rc.Command.Status < 400 {
		return nil
	}
	events := rc.Entry.EventsOf(rc.Command)
	last := events[len(events)-1]
	p := &web.Problem{
		ProblemType: web.InternalError, AccountID: rc.Entry.AccountID, AccountVersion: last.Version,
		CorrelationID: rc.Command.CorrelationID, Replayed: rc.Replayed,
	}
	if decline, ok := last.Body.(event.WithdrawalDeclined); ok {
		p.ProblemType = problemType(decline.Reason)
		p.With("available", decline.Available).With("limit", decline.Limit).With("shortfall", decline.Shortfall)
	}
	return p
}

// DryRunAnswer is the answer to a command with dry_run=true: the status and the body that the
// command would get if it were executed now. It is rendered by asDryRun, in the order of the
// fields.
type DryRunAnswer struct {
	DryRun        bool `json:"dry_run"`
	WouldBeStatus int  `json:"would_be_status"`
	// KeyUsed says that the command's key was used before.
	KeyUsed bool `json:"key_used"`
	// Result is a CommandAnswer, Problem a problem document; one of them is there.
	Result  json.RawMessage `json:"result,omitempty"`
	Problem json.RawMessage `json:"problem,omitempty"`
}

// decided reports whether the command of a dry run was decided: accepted, declined or refused by
// the rules, or by what the journal knows that would refuse it. Any other error is that of the dry
// run itself.
func (c commandResult) decided() bool {
	return c.err == nil || c.receipt.Rejection != nil || errors.Is(c.err, journal.ErrStorageFull) || errors.Is(c.err, journal.ErrClockSkew) || errors.Is(c.err, journal.ErrRateLimited)
}

// asDryRun turns how a dry run ended into its answer. It leaves the answer of another writer, which
// is one already, and the error of a dry run that decided nothing.
func (c commandResult) asDryRun(correlationID string) commandResult {
	if c.answer != nil || !c.decided() {
		return c
	}
	used := c.receipt.Replayed || c.receipt.Rejection != nil && c.receipt.Rejection.Code == account.CodeKeyReused
	would := answerOf(c.receipt, c.err, correlationID)
	var j web.JSON
	j.Begin()
	j.Bool("dry_run", true)
	j.Int("would_be_status", int64(would.Status))
	j.Bool("key_used", used)
	j.Name(would.member())
	j = append(j, would.Body...)
	j.End()
	return commandResult{answer: &Answer{Status: http.StatusOK, Body: j}}
}
