package readmodel

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"passbook/shared/event"
	"passbook/shared/table"
	"passbook/shared/telemetry/trace"
)

// rowFormat is the version of the attributes that all rows have. An incompatible change raises it.
const rowFormat = 1

// rowSK is the sort key of every row of a read model: each row has its own partition.
const rowSK = "-"

// Model describes a read model: its state, how events change it, and how a row stores it. Every
// function is pure and may be called concurrently.
type Model[S any] struct {
	// Name is the name of the model and of its table.
	Name string
	// Fold returns the state after an event. It MUST NOT change what the given state refers to.
	Fold func(S, event.Event) (S, error)
	// Settle returns the state after an entry that ends at a version, once its events are folded.
	// It computes what depends on whole entries, as no account ever was in a state within one. nil
	// changes nothing.
	Settle func(s S, version int64) S
	// After returns the balances of a state, which are compared with those in every event.
	After func(S) event.After
	// Encode adds a state to the attributes of a row, and what the model's indexes need.
	Encode func(attrs table.Map, generation int64, a event.Account, s S)
	// Decode returns the state that Encode added.
	Decode func(table.Map) (S, error)
	// Bytes returns about how many bytes a state refers to; nil is none.
	Bytes func(S) int
	// Crossings returns the messages that an entry that ends at a version causes, each in a few
	// bytes: they are kept in the row until they are sent. nil for a model that sends none.
	Crossings func(before, after S, version int64) []string
	// Message returns a crossing as it is sent.
	Message func(a event.Account, crossing string) ([]byte, error)
}

// Source is the record that a row was last folded from; empty when it came from the journal.
type Source struct{ Shard, Sequence string }

// Row is an account's row of a read model.
type Row[S any] struct {
	Account event.Account
	State   S
	// Version is the last event folded, and Hash its entry's; 0 and zero if the account has no row.
	Version int64
	Hash    event.Hash
	// AsOf is when the last event was recorded, and ProjectedAt when the row was written.
	AsOf, ProjectedAt time.Time
	Source            Source
	// QuarantinedAt is the version that could not be folded, 0 if the account is not in quarantine;
	// Cause is why.
	QuarantinedAt int64
	Cause         string
	// Pending are the crossings that are not sent yet. Quiet is the last version whose crossings
	// are never sent, as the generation was not live.
	Pending []string
	Quiet   int64

	// rev counts the row's writes; every write is conditional on it.
	rev int64
	// unindexed is the version up to which a program may have folded entries without their rows.
	unindexed int64
	// unsaved counts the entries folded since the last write, and further are the rows that they
	// name. repeated says that entries that the row has already were delivered again, which may
	// lack some of theirs. refolded says that the row replaces one of another history.
	unsaved  int
	further  []table.Row
	repeated bool
	refolded bool
	folds    []trace.Fold // of the entries folded since the last write
}

// LastEventID returns the id of the last event folded, "" if the account has no row.
func (r *Row[S]) LastEventID() string {
	if r.Version == 0 {
		return ""
	}
	return r.Account.EventID(r.Version)
}

// bytes returns about how many bytes a row refers to.
func (m Model[S]) bytes(r *Row[S]) int {
	n := len(r.Account.Tenant) + len(r.Account.ID) + len(r.Source.Shard) + len(r.Source.Sequence) + len(r.Cause)
	if m.Bytes != nil {
		n += m.Bytes(r.State)
	}
	return n
}

// RowKey returns the key of an account's row in a generation of a read model.
func RowKey(generation int64, a event.Account) table.Key {
	return table.Key{PK: "g" + strconv.FormatInt(generation, 10) + "#" + a.Tenant + "#" + a.ID, SK: rowSK}
}

// accountOf returns the account in a row's key, as event.Account.String writes it.
func accountOf(key table.Key) string {
	_, account, _ := strings.Cut(key.PK, "#")
	return account
}

// GenerationPrefix returns the beginning of the keys of a generation's rows and index entries.
func GenerationPrefix(generation int64) string { return "g" + strconv.FormatInt(generation, 10) + "#" }

// ParseRowKey returns the generation and the account of a partition key that RowKey returned.
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

// rowMaps has empty maps for the attributes of rows. One of more than 28 takes twice the memory.
var rowMaps = sync.Pool{New: func() any { return make(table.Map, 28) }}

// encode returns a row as its table stores it.
func (m Model[S]) encode(generation int64, r *Row[S]) table.Row {
	attrs := rowMaps.Get().(table.Map)
	attrs["format"] = table.N(rowFormat)
	attrs["rev"] = table.N(r.rev)
	attrs["tenant"] = table.S(r.Account.Tenant)
	attrs["account_id"] = table.S(r.Account.ID)
	attrs["version"] = table.N(r.Version)
	attrs["hash"] = table.S(r.Hash.String())
	attrs["last_event_id"] = table.S(r.LastEventID())
	attrs["as_of"] = table.Time(r.AsOf)
	attrs["projected_at"] = table.Time(r.ProjectedAt)
	attrs["shard"] = table.S(r.Source.Shard)
	attrs["sequence"] = table.S(r.Source.Sequence)
	if r.QuarantinedAt != 0 {
		attrs["blocked_at_version"] = table.N(r.QuarantinedAt)
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

// decode returns the row that encode stored.
func (m Model[S]) decode(row table.Row) (Row[S], error) {
	a := row.Attrs
	if f := a.Number("format"); f != rowFormat {
		return Row[S]{}, fmt.Errorf("%s row %s: format %d, not %d", m.Name, row.PK, f, rowFormat)
	}
	r := Row[S]{
		Account: event.Account{Tenant: a.OwnText("tenant"), ID: a.OwnText("account_id")},
		Version: a.Number("version"), AsOf: a.Time("as_of"), ProjectedAt: a.Time("projected_at"),
		Source:        Source{Shard: a.OwnText("shard"), Sequence: a.OwnText("sequence")},
		QuarantinedAt: a.Number("blocked_at_version"), Cause: a.OwnText("cause"), Quiet: a.Number("quiet"),
		Pending: a.Texts("pending"), rev: a.Number("rev"), unindexed: a.Number("version"),
	}
	if n, ok := a["unindexed"].(table.N); ok {
		r.unindexed = int64(n)
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
