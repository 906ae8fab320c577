package delivery

import (
	"strings"
	"time"

	"passbook/shared/event"
	"passbook/shared/table"
)

// Table is the name of the table of deliveries.
const Table = "webhooks"

// indexState lists the rows of an endpoint by their state and the time that goes with it.
const (
	indexState = "state"
	statePK    = "listed"
	stateSK    = "at"
)

// Schema describes the table.
var Schema = table.Schema{Name: Table, Indexes: []table.Index{{Name: indexState, PK: statePK, SK: stateSK, Numeric: true}}}

// OptionalSchema is Schema for a program that reads the table where there is one.
var OptionalSchema = table.Schema{Name: Schema.Name, Indexes: Schema.Indexes, Optional: true}

// State says how far an account is for an endpoint.
type State string

// The states of a row, and what its time is.
const (
	// Pending: there are events to send; at is when the next attempt is due.
	Pending State = "pending"
	// Delivered: everything was sent; at is when the last was.
	Delivered State = "delivered"
	// Dead: the next event was refused for too long; at is when it was given up.
	Dead State = "dead"
)

// rowSK is the sort key of every row: each has its own partition.
const rowSK = "-"

// Row is how far one account is for one endpoint.
type Row struct {
	Endpoint string
	Account  event.Account
	// Next is the next version to send, and Seen the newest that there is to send.
	Next, Seen int64
	State      State
	At         time.Time
	// Attempts is how often Next was refused since FailedAt, zero and zero if never.
	Attempts int64
	FailedAt time.Time
	// Status and Error are those of the last attempt: the status that was answered, 0 for none.
	Status int64
	Error  string
	// Replays counts how often Next was set back or forward by a person.
	Replays int64
	// Rev counts the row's writes; every write is conditional on it.
	Rev int64
}

// key returns the key of a row.
func key(endpoint string, a event.Account) table.Key {
	return table.Key{PK: endpoint + "#" + a.String(), SK: rowSK}
}

// parseKey returns the endpoint and the account of a key.
func parseKey(pk string) (endpoint string, a event.Account, ok bool) {
	endpoint, rest, cut := strings.Cut(pk, "#")
	if !cut {
		return "", a, false
	}
	a, ok = event.ParseAccount(rest)
	return endpoint, a, ok
}

// listed returns the partition of the index that lists an endpoint's rows of a state.
func listed(endpoint string, s State) string { return endpoint + "#" + string(s) }

// put returns the put of a row over its revision.
func (r *Row) put() table.Put {
	put := table.Put{Table: Table, If: table.Absent()}
	if r.Rev > 0 {
		put.If = table.Equals("rev", table.N(r.Rev))
	}
	r.Rev++
	put.Row = r.Item()
	return put
}

// Item returns a row as the table has it.
func (r *Row) Item() table.Row {
	return table.Row{Key: key(r.Endpoint, r.Account), Attrs: table.Map{
		"rev": table.N(r.Rev), "endpoint": table.S(r.Endpoint), "tenant": table.S(r.Account.Tenant), "account_id": table.S(r.Account.ID),
		"next": table.N(r.Next), "seen": table.N(r.Seen), "state": table.S(r.State), statePK: table.S(listed(r.Endpoint, r.State)), stateSK: table.N(r.At.UnixMilli()),
		"attempts": table.N(r.Attempts), "failed_at": table.Time(r.FailedAt), "status": table.N(r.Status), "error": table.S(r.Error), "replays": table.N(r.Replays),
	}}
}

// parse returns the row of an item.
func parse(row table.Row) Row {
	a := row.Attrs
	return Row{
		Endpoint: a.Text("endpoint"), Account: event.Account{Tenant: a.Text("tenant"), ID: a.Text("account_id")},
		Next: a.Number("next"), Seen: a.Number("seen"), State: State(a.Text("state")), At: time.UnixMilli(a.Number(stateSK)).UTC(),
		Attempts: a.Number("attempts"), FailedAt: a.Time("failed_at"), Status: a.Number("status"), Error: a.Text("error"), Replays: a.Number("replays"),
		Rev: a.Number("rev"),
	}
}

// settle sets the state of a row that is not dead, at a time.
func (r *Row) settle(now time.Time) {
	was := r.State
	r.State = Pending
	if r.Next > r.Seen {
		r.State = Delivered
	}
	if r.State != was || r.State == Delivered {
		r.At = now
	}
}
