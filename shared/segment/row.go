package segment

import (
	"bytes"
	"time"

	"passbook/shared/event"
)

// Record is an entry as the stream delivered it.
type Record struct {
	// Sequence is the record's sequence number in its shard; it rises within a segment.
	Sequence string
	// Arrived is the stream's approximate arrival time, in whole microseconds.
	Arrived time.Time
	Entry   *event.Entry
}

// Row is an event as a segment stores it, of any format. Columns that are null, or that the format
// lacks, are "", 0 or nil.
type Row struct {
	Tenant, AccountID              string
	Version, EntryFirst, EntryLast int64
	Type                           string
	Schema                         int32
	RecordedAt                     int64 // µs since 1970
	EffectiveAt                    int32 // days since 1970
	ArrivedAt                      int64 // µs since 1970
	CommandKey, Request            string
	CorrelationID, CausationID     string
	Actor, Currency                string
	Exponent                       int32
	HolderRef                      string
	Kind, Direction, Reason        string
	Amount, Delta                  int64
	TransactionID, HoldID          string
	Posted, Held, Limit            int64
	Data                           []byte
	EntryHash                      event.Hash
	MAC                            string // on an entry's first row only
	Entry                          []byte // likewise; what it has depends on the format
	Shard, Sequence                string
}

const secondsPerDay = 24 * 60 * 60

// Rows returns the rows of a record as the newest format has them, without the column entry.
func Rows(rec Record, shard string) []Row {
	return appendRows(make([]Row, 0, len(rec.Entry.Events)), Format, rec, shard, nil)
}

// appendRows appends the rows of a record; rest is the column entry of the first.
func appendRows(dst []Row, format int, rec Record, shard string, rest []byte) []Row {
	for _, ev := range rec.Entry.Events {
		row := rowOf(format, rec, ev, shard)
		row.Entry, rest = rest, nil
		dst = append(dst, row)
	}
	return dst
}

// rowOf returns the row of an event of a record, without the column entry. Every column is a
// function of the record and its shard, so a reader can verify a row.
func rowOf(format int, rec Record, ev event.Event, shard string) Row {
	e := rec.Entry
	c := e.Commands[ev.Command]
	row := Row{
		Tenant: e.Tenant, AccountID: e.AccountID,
		Version: ev.Version, EntryFirst: e.First, EntryLast: e.Last,
		Type: ev.Body.Type(), Schema: int32(ev.Schema),
		RecordedAt:  e.RecordedAt.UnixMicro(),
		EffectiveAt: int32(ev.EffectiveAt.Unix() / secondsPerDay),
		ArrivedAt:   rec.Arrived.UnixMicro(),
		CommandKey:  c.Key, Request: c.Request,
		CorrelationID: c.CorrelationID, CausationID: e.Causation(ev),
		Actor: textColumn(c.Actor), Currency: e.Currency,
		Amount: ev.Amount(), TransactionID: ev.TransactionID(), HoldID: ev.HoldID(),
		Posted: ev.After.Posted, Held: ev.After.Held, Limit: ev.After.Limit,
		Data: ev.Data, EntryHash: e.Hash,
		Shard: shard, Sequence: rec.Sequence,
	}
	if format >= 2 {
		row.describe(e, ev)
	}
	return row
}

// difference returns the first columns in which two rows differ, or "".
func (r *Row) difference(o *Row) string {
	switch {
	case r.Tenant != o.Tenant, r.AccountID != o.AccountID, r.Currency != o.Currency:
		return "tenant, account_id or currency"
	case r.Version != o.Version, r.EntryFirst != o.EntryFirst, r.EntryLast != o.EntryLast:
		return "version, entry_first or entry_last"
	case r.Type != o.Type, r.Schema != o.Schema:
		return "type or schema"
	case r.RecordedAt != o.RecordedAt, r.EffectiveAt != o.EffectiveAt, r.ArrivedAt != o.ArrivedAt:
		return "recorded_at, effective_at or arrived_at"
	case r.CommandKey != o.CommandKey, r.Request != o.Request, r.CorrelationID != o.CorrelationID,
		r.CausationID != o.CausationID, r.Actor != o.Actor:
		return "command_key, request, correlation_id, causation_id or actor"
	case r.Exponent != o.Exponent, r.HolderRef != o.HolderRef, r.Kind != o.Kind, r.Direction != o.Direction, r.Reason != o.Reason:
		return "exponent, holder_ref, kind, direction or reason"
	case r.Amount != o.Amount, r.Delta != o.Delta, r.TransactionID != o.TransactionID, r.HoldID != o.HoldID:
		return "amount, delta, transaction_id or hold_id"
	case r.Posted != o.Posted, r.Held != o.Held, r.Limit != o.Limit:
		return "posted, held or limit_amount"
	case !bytes.Equal(r.Data, o.Data), r.EntryHash != o.EntryHash, r.MAC != o.MAC, !bytes.Equal(r.Entry, o.Entry):
		return "data, entry_hash, mac or entry"
	case r.Shard != o.Shard, r.Sequence != o.Sequence:
		return "shard or sequence"
	}
	return ""
}
