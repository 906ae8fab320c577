package journey

import (
	"passbook/shared/api"
	"passbook/shared/event"
)

// Journey answers how an event came about and where it went. Members are written in the order of
// the fields.
type Journey struct {
	EventID   string  `json:"event_id"`
	AccountID string  `json:"account_id"`
	Version   int64   `json:"version"`
	Type      string  `json:"type"`
	Request   Request `json:"request"`
	// DecidedOn is the version that the command was decided on, 0 before the opening.
	DecidedOn int64 `json:"decided_on"`
	Entry     Entry `json:"entry"`
	// Stream is the record, nil where it was not found; Archive the row, nil until it is archived.
	Stream  *Record     `json:"stream,omitempty"`
	Models  []Projected `json:"models"`
	Archive *Row        `json:"archive,omitempty"`
}

// Request is the command as it was received.
type Request struct {
	Actor          event.Text `json:"actor,omitzero"`
	IdempotencyKey string     `json:"idempotency_key,omitempty"`
	CorrelationID  string     `json:"correlation_id,omitempty"`
	// First and Last are the versions of the events that it made, Status that of its answer.
	First  int64 `json:"first"`
	Last   int64 `json:"last"`
	Status int   `json:"status"`
}

// Entry is the commit in the journal.
type Entry struct {
	First      int64    `json:"first"`
	Last       int64    `json:"last"`
	RecordedAt api.Time `json:"recorded_at"`
	// Commands is how many commands were committed together.
	Commands int `json:"commands"`
	Format   int `json:"format"`
	// TraceID is the entry's trace, where traces are exported.
	TraceID string `json:"trace_id"`
	Hash    string `json:"hash"`
	Prev    string `json:"prev,omitempty"`
	// Signed says that the entry has a proof that a program of the bank made it.
	Signed bool `json:"signed"`
	// Writer is the session of the process that committed it; empty after a restoration.
	Writer string `json:"writer,omitempty"`
	// Hashed is the text whose SHA-256 is Hash, in UTF-8.
	Hashed string `json:"hashed"`
}

// Record is where the entry is on the stream.
type Record struct {
	Shard     string   `json:"shard"`
	Sequence  string   `json:"sequence"`
	ArrivedAt api.Time `json:"arrived_at"`
}

// Projected is where a read model is with the account.
type Projected struct {
	Name string `json:"name"`
	// Folded says that the row has the event. Version is the row's, which may be a later one, and
	// ProjectedAt when that was written.
	Folded      bool     `json:"folded"`
	Version     int64    `json:"version"`
	ProjectedAt api.Time `json:"projected_at,omitzero"`
}

// Row is where the event is in the archive.
type Row struct {
	// Object is the segment's key. Row counts from 0.
	Object string `json:"object"`
	Row    int64  `json:"row"`
	// Rows and Bytes are the segment's.
	Rows  int64 `json:"rows"`
	Bytes int64 `json:"bytes"`
	// Root is the Merkle root over the hashes of the segment's entries.
	Root string `json:"root,omitempty"`
}
