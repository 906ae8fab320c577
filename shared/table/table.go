package table

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Limits that every adapter enforces, so that a program that runs on one engine runs on all.
const (
	// MaxTransact is the most puts in one Transact: DynamoDB's TransactWriteItems takes 100
	// actions.
	MaxTransact = 100
	// MaxTransactBytes is the most bytes of the rows of one Transact: TransactWriteItems takes 4
	// MB.
	MaxTransactBytes = 4 << 20
	// MaxItemBytes is the most that a row may hold, names and values together: DynamoDB's item
	// limit of 400 KB.
	MaxItemBytes = 400 << 10
	// MaxPageBytes bounds the rows of one Query or Scan page: DynamoDB ends a page with the row
	// that reaches 1 MB, or before it.
	MaxPageBytes = 1 << 20
	// MaxPartitionKeyBytes and MaxSortKeyBytes are DynamoDB's key limits.
	MaxPartitionKeyBytes = 2048
	MaxSortKeyBytes      = 1024
	// MaxSegments is the most segments of a Scan. DynamoDB takes a million; nobody needs them.
	MaxSegments = 1024
)

// The errors that a caller decides on. Any other error of Put, Delete or Transact leaves the
// outcome unknown: it may or may not have happened, and the caller must repeat the identical call
// or read before it goes on.
var (
	// ErrNotFound: Get found no row.
	ErrNotFound = errors.New("table: row not found")
	// ErrConditionFailed: the condition did not hold, and nothing was written.
	ErrConditionFailed = errors.New("table: condition failed")
	// ErrConflict: a write met a Transact on the same row; nothing was written, try again. Only a
	// Transact is in the way of others: of two that meet, both may be refused.
	ErrConflict = errors.New("table: transaction conflict")
	// ErrThrottled: the table refused for load; nothing was written, try again later.
	ErrThrottled = errors.New("table: throttled")
	// ErrRefused: the store does not let this caller, or has no such table; nothing was written,
	// and no repetition helps.
	ErrRefused = errors.New("the table does not let this caller")
	// ErrInvalid: the call itself is wrong (a bad key, too large a row, an unknown table or index);
	// nothing was written.
	ErrInvalid = errors.New("table: invalid request")
)

// TransactError says which put of a Transact failed its condition. It matches ErrConditionFailed.
type TransactError struct {
	// Index is the place of the put in the call, from 0; the lowest where several failed.
	Index int
}

// Error names the put.
func (e *TransactError) Error() string {
	return fmt.Sprintf("table: condition of put %d failed", e.Index)
}

// Is makes errors.Is(err, ErrConditionFailed) hold.
func (e *TransactError) Is(target error) bool { return target == ErrConditionFailed }

// Value is an attribute: one of S, N, B, Bool, List, Map. An S may be empty; a key may not.
type Value interface{ value() }

// S is a string attribute, UTF-8.
type S string

// N is a whole number. DynamoDB keeps 38 digits; the port keeps 64 bits, all that Passbook needs.
type N int64

// B is a binary attribute.
type B []byte

// Bool is a boolean attribute.
type Bool bool

// List is an ordered attribute.
type List []Value

// Map is a nested attribute.
type Map map[string]Value

func (S) value()    {}
func (N) value()    {}
func (B) value()    {}
func (Bool) value() {}
func (List) value() {}
func (Map) value()  {}

// Key names a row. Both parts are non-empty strings.
type Key struct{ PK, SK string }

// Row is a stored item: its key, and its other attributes. Rows of an index query carry only the
// key and the index's own attributes (KEYS_ONLY).
type Row struct {
	Key
	Attrs Map
}

// Schema describes a table: attributes pk (S) and sk (S), and its indexes.
type Schema struct {
	// Name is the table's name without the deployment's prefix, and what calls name it by.
	Name    string
	Indexes []Index
}

// Index is a sparse, eventually consistent, KEYS_ONLY secondary index: a row is in it when it has
// both attributes.
type Index struct {
	Name string
	// PK names the attribute (S) that partitions the index, SK the attribute that sorts it: S, or N
	// where Numeric. SK may be "pk", the table's own partition key.
	PK, SK  string
	Numeric bool
}

// Condition is what must hold of the row in place for a write to happen: that there is none, or
// that one attribute has a value. The zero Condition is invalid: every write is conditional.
type Condition struct {
	absent bool
	attr   string
	value  Value
}

// Absent holds when no row has the key.
func Absent() Condition { return Condition{absent: true} }

// Equals holds when the row exists and its attribute attr equals v: an S, N, B or Bool.
func Equals(attr string, v Value) Condition { return Condition{attr: attr, value: v} }

// Parts opens a condition for an adapter: absent, or attribute and value.
func (c Condition) Parts() (absent bool, attr string, v Value) { return c.absent, c.attr, c.value }

// Put replaces a whole row of a table when the condition holds.
type Put struct {
	Table string
	Row   Row
	If    Condition
}

// Query asks for the rows of one partition key, in sort key order.
type Query struct {
	Table string
	// Index is empty for the table itself. Index queries are always eventually consistent.
	Index string
	PK    string
	// From and To bound the sort key, both inclusive; nil is open. S, or N for a numeric index.
	// From beyond To is an empty page.
	From, To Value
	Desc     bool
	// Limit is the most rows of a page; 0 leaves it to MaxPageBytes.
	Limit int
	// After is a Page's After, to go on from there.
	After string
	// Consistent reads see every write answered before the call; others may lag.
	Consistent bool
}

// Scan walks a whole table, or one of Of equal segments of it, in no promised order. It is
// eventually consistent.
type Scan struct {
	Table string
	// Segment is in 0..Of-1; Of is 1..MaxSegments.
	Segment, Of int
	After       string
}

// Page is a part of an answer. A page may be empty and still not be the last: only After == "" says
// that nothing follows.
type Page struct {
	Rows  []Row
	After string
}

// Table is the port. Methods may be called concurrently; every call obeys its context's deadline. A
// write answered nil is durable. Rows passed in and handed out belong to the caller; adapters keep
// no reference.
type Table interface {
	// Get returns the row at key, or ErrNotFound.
	Get(ctx context.Context, table string, key Key, consistent bool) (Row, error)
	// Query returns one page of a partition.
	Query(ctx context.Context, q Query) (Page, error)
	// Put writes one row, or fails with ErrConditionFailed.
	Put(ctx context.Context, p Put) error
	// Delete removes a row when the condition holds (Equals only). It MUST NOT be called on the
	// journal.
	Delete(ctx context.Context, table string, key Key, cond Condition) error
	// Transact writes all of 1..MaxTransact rows of different keys or none. A failed condition is a
	// *TransactError.
	Transact(ctx context.Context, puts []Put) error
	// Scan returns one page of a segment.
	Scan(ctx context.Context, s Scan) (Page, error)
	// Skew is how far the store's clock is ahead of this machine's, as last measured; 0 where they
	// are the same clock.
	Skew() time.Duration
}
