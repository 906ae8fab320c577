package readmodel

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"passbook/shared/event"
	"passbook/shared/table"
)

// rowFormat is raised for an incompatible change of what all rows have in common.
const rowFormat = 1

// rowSK is the sort key of every read-model row: each has a partition of its own.
const rowSK = "-"

// Model is what a read model brings: its state, and how the state meets an event and a row. Every
// function is pure and may be called concurrently.
type Model[S any] struct {
	// Name is the model's, and its table's.
	Name string
	// Fold is the state after the event. It MUST NOT change what the state that it was given refers
	// to.
	Fold func(S, event.Event) (S, error)
	// Settle is the state after an entry that ends at a version, once its events are folded: what a
	// model takes from whole entries, as nobody ever had a state within one. nil changes nothing.
	Settle func(s S, version int64) S
	// After is the running balance of the state, which every event's own is compared with.
	After func(S) event.After
	// Encode adds the state to a row's attributes, and what the model's indexes need.
	Encode func(attrs table.Map, generation int64, a event.Account, s S)
	// Decode reads what Encode added.
	Decode func(table.Map) (S, error)
	// Crossings names, each in a few bytes, what an entry that ends at a version made known: the
	// messages that ride in the row until they are sent. nil for a model that sends none.
	Crossings func(before, after S, version int64) []string
	// Message is a crossing as it is sent.
	Message func(a event.Account, crossing string) ([]byte, error)
}

// Source is the record that a row was last folded from; empty when it came from the journal.
type Source struct{ Shard, Sequence string }

// Row is an account's row of a read model: the state, how far it is, and whether it stands still.
type Row[S any] struct {
	Account event.Account
	State   S
	// Version is the last event folded, Hash its entry's; 0 and zero in a row that is not there
	// yet.
	Version     int64
	Hash        event.Hash
	LastEventID string
	// AsOf is when the last event was recorded, ProjectedAt when the row was written.
	AsOf, ProjectedAt time.Time
	Source            Source
	// BlockedAt is the version that could not be folded, 0 when the account is not blocked; Cause
	// says why.
	BlockedAt int64
	Cause     string
	// Pending are the crossings not sent yet. Quiet is the last version whose crossings were not to
	// be sent, as the generation was not live.
	Pending []string
	Quiet   int64

	// rev counts the row's writes; every write is conditional on it.
	rev int64
	// unsaved counts the entries folded since.
	unsaved int
}

// RowKey is the key of an account's row in a generation of a read model.
func RowKey(generation int64, a event.Account) table.Key {
	return table.Key{PK: generationPrefix(generation) + a.String(), SK: rowSK}
}

// generationPrefix begins every key of a generation's rows and index entries.
func generationPrefix(generation int64) string { return "g" + strconv.FormatInt(generation, 10) + "#" }

// ParseRowKey reads the partition key that RowKey wrote.
func ParseRowKey(pk string) (generation int64, a event.Account, ok bool) {
	g, rest, cut := strings.Cut(pk, "#")
	if !cut || !strings.HasPrefix(g, "g") {
		return 0, a, false
	}
	generation, err := strconv.ParseInt(g[1:], 10, 64)
	if err != nil || generation < 1 {
		return 0, a, false
	}
	a, ok = event.ParseAccount(rest)
	return generation, a, ok
}

// encode lays a row out for its table.
func (m Model[S]) encode(generation int64, r Row[S]) table.Row {
	attrs := make(table.Map, 24)
	attrs["format"] = table.N(rowFormat)
	attrs["rev"] = table.N(r.rev)
	attrs["tenant"] = table.S(r.Account.Tenant)
	attrs["account_id"] = table.S(r.Account.ID)
	attrs["version"] = table.N(r.Version)
	attrs["hash"] = table.S(r.Hash.String())
	attrs["last_event_id"] = table.S(r.LastEventID)
	attrs["as_of"] = table.Time(r.AsOf)
	attrs["projected_at"] = table.Time(r.ProjectedAt)
	attrs["shard"] = table.S(r.Source.Shard)
	attrs["sequence"] = table.S(r.Source.Sequence)
	if r.BlockedAt != 0 {
		attrs["blocked_at_version"] = table.N(r.BlockedAt)
		attrs["cause"] = table.S(r.Cause)
	}
	if len(r.Pending) > 0 {
		pending := make(table.List, len(r.Pending))
		for i, p := range r.Pending {
			pending[i] = table.S(p)
		}
		attrs["pending"] = pending
	}
	if r.Quiet != 0 {
		attrs["quiet"] = table.N(r.Quiet)
	}
	if r.Version > 0 {
		m.Encode(attrs, generation, r.Account, r.State)
	}
	return table.Row{Key: RowKey(generation, r.Account), Attrs: attrs}
}

// decode reads a row of the model.
func (m Model[S]) decode(row table.Row) (Row[S], error) {
	a := row.Attrs
	if f := a.Number("format"); f != rowFormat {
		return Row[S]{}, fmt.Errorf("%s row %s: format %d, not %d", m.Name, row.PK, f, rowFormat)
	}
	r := Row[S]{
		Account: event.Account{Tenant: a.Text("tenant"), ID: a.Text("account_id")},
		Version: a.Number("version"), LastEventID: a.Text("last_event_id"), AsOf: a.Time("as_of"), ProjectedAt: a.Time("projected_at"),
		Source:    Source{Shard: a.Text("shard"), Sequence: a.Text("sequence")},
		BlockedAt: a.Number("blocked_at_version"), Cause: a.Text("cause"), Quiet: a.Number("quiet"),
		Pending: a.Texts("pending"), rev: a.Number("rev"),
	}
	var err error
	if r.Hash, err = event.ParseHash(a.Text("hash")); err != nil {
		return Row[S]{}, fmt.Errorf("%s row %s: %w", m.Name, row.PK, err)
	}
	if r.Version == 0 {
		return r, nil
	}
	if r.State, err = m.Decode(a); err != nil {
		return Row[S]{}, fmt.Errorf("%s row %s: %w", m.Name, row.PK, err)
	}
	return r, nil
}
