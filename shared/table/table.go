package table

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// The limits that every adapter enforces, so that a program that runs on one engine runs on all.
const (
	// MaxTransact is the most puts in one Transact: DynamoDB's TransactWriteItems takes 100
	// actions.
	MaxTransact = 100
	// MaxEach is the most puts in one PutEach.
	MaxEach = 1000
	// MaxTransactBytes is the most bytes of all rows of one Transact: TransactWriteItems takes 4
	// MB.
	MaxTransactBytes = 4 << 20
	// MaxItemBytes is the most bytes of a row, names and values together: DynamoDB's item limit of
	// 400 KB.
	MaxItemBytes = 400 << 10
	// MaxPageBytes is the most bytes of the rows of one Query or Scan page: DynamoDB ends a page
	// with the row that reaches 1 MB, or before it.
	MaxPageBytes = 1 << 20
	// MaxPartitionKeyBytes and MaxSortKeyBytes are DynamoDB's key limits.
	MaxPartitionKeyBytes = 2048
	MaxSortKeyBytes      = 1024
	// MaxSegments is the most segments of a Scan. DynamoDB takes a million, which no caller needs.
	MaxSegments = 1024
)

// The errors that callers distinguish. Any other error of Put, PutEach, Delete or Transact leaves
// the outcome unknown: the write may have happened or not, and the caller must repeat the identical
// call or read the row before it continues.
var (
	// ErrNotFound: Get found no row.
	ErrNotFound = errors.New("table: row not found")
	// ErrConditionFailed: the condition did not hold, and nothing was written.
	ErrConditionFailed = errors.New("table: condition failed")
	// ErrConflict: a write met a Transact on the same row; nothing was written, try again. Only a
	// Transact conflicts with other writes, and of two that meet, both may be refused.
	ErrConflict = errors.New("table: transaction conflict")
	// ErrThrottled: the table refused the call for load; nothing was written, try again later.
	ErrThrottled = errors.New("table: throttled")
	// ErrRefused: the caller has no permission, or the table does not exist; nothing was written,
	// and no repetition helps.
	ErrRefused = errors.New("table: permission denied")
	// ErrInvalid: the call itself is wrong (a bad key, a row that is too large, an unknown table or
	// index); nothing was written.
	ErrInvalid = errors.New("table: invalid request")
)

// TransactError names the put of a Transact whose condition failed. It matches ErrConditionFailed.
type TransactError struct {
	// Index is the place of the put in the call, from 0; the lowest if several failed.
	Index int
}

// Error returns a text with the index of the put.
func (e *TransactError) Error() string {
	return fmt.Sprintf("table: condition of put %d failed", e.Index)
}

// Is makes errors.Is(err, ErrConditionFailed) true.
func (e *TransactError) Is(target error) bool { return target == ErrConditionFailed }

// Value is an attribute: one of S, N, B, Bool, List, Map. An S may be empty; a key may not.
type Value interface{ value() }

// S is a string attribute, UTF-8.
type S string

// N is a whole number. DynamoDB stores 38 digits; the port has 64 bits, which is all that Passbook
// needs.
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

// Row is a stored item: its key, and its other attributes. Rows of an index query have only the key
// and the attributes of the index (KEYS_ONLY).
type Row struct {
	Key
	Attrs Map
}

// Schema describes a table: attributes pk (S) and sk (S), and its indexes.
type Schema struct {
	// Name is the table's name without the deployment's prefix, by which calls name it.
	Name    string
	Indexes []Index
	// Optional says that a deployment may lack the table: its check passes it over.
	Optional bool
	// Rising are beginnings of sort keys, up to and with their first '#'. The rows of a partition
	// that have one are put in ascending order, mostly. Adapters may save look-ups by it; no
	// outcome depends on it.
	Rising []string
}

// Index is a sparse, eventually consistent, KEYS_ONLY secondary index: a row is in it if it has
// both attributes.
type Index struct {
	Name string
	// PK names the attribute (S) that partitions the index, SK the attribute that sorts it: S, or N
	// if Numeric. SK may be "pk", the table's own partition key.
	PK, SK  string
	Numeric bool
}

// Condition is what must be true of the row in place for a write to happen: that there is none,
// that there is none or the same, or that one attribute has a value. The zero Condition is invalid:
// every write is conditional.
type Condition struct {
	absent, once bool
	attr         string
	value        Value
}

// Absent returns the condition that no row has the key.
func Absent() Condition { return Condition{absent: true} }

// Once returns the condition that no row has the key, or one with the same attributes. The caller
// vouches for it: each put of the key, at any time, has these attributes, as they follow
// from the key. So a store need not look, and such a put may be made again.
func Once() Condition { return Condition{once: true} }

// Equals returns the condition that the row exists and its attribute attr equals v: an S, N, B or
// Bool.
func Equals(attr string, v Value) Condition { return Condition{attr: attr, value: v} }

// IsOnce reports whether a condition is Once, which is always true.
func (c Condition) IsOnce() bool { return c.once }

// Parts returns the parts of any other condition, for adapters: absent, or attribute and value.
func (c Condition) Parts() (absent bool, attr string, v Value) { return c.absent, c.attr, c.value }

// Put replaces a whole row of a table if the condition is true.
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
	// From and To bound the sort key, both inclusive; nil is open. S, or N for a numeric index. If
	// From is beyond To, the page is empty.
	From, To Value
	Desc     bool
	// Limit is the most rows of a page; 0 leaves it to MaxPageBytes.
	Limit int
	// After is the After of the page before, empty for the first page.
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

// Page is a part of an answer. A page may be empty and still not be the last: nothing follows only
// if After is empty.
type Page struct {
	Rows  []Row
	After string
}

// Table is the port. Methods may be called concurrently; every call obeys its context's deadline. A
// write that returned nil is durable. Rows passed in and returned belong to the caller; adapters
// keep no reference.
type Table interface {
	// Get returns the row at key, or ErrNotFound.
	Get(ctx context.Context, table string, key Key, consistent bool) (Row, error)
	// Query returns one page of a partition.
	Query(ctx context.Context, q Query) (Page, error)
	// Put writes one row, or fails with ErrConditionFailed.
	Put(ctx context.Context, p Put) error
	// PutEach writes each of at most MaxEach rows of different keys by itself: every put has its
	// own condition, and its own outcome at its place in the answer. The outcomes of a call with
	// too many puts, or with two puts of one row, are all ErrInvalid, and nothing is written. After
	// a call that ended early, each outcome is unknown by itself. No reader sees the rows appear in
	// any promised order.
	PutEach(ctx context.Context, puts []Put) []error
	// Together returns how many puts one PutEach makes at about the cost of one: hundreds where a
	// put waits for an fsync that others share, 1 where each put is a separate round trip.
	Together() int
	// Delete removes a row if the condition, an Equals, is true. It MUST NOT be called on the
	// journal.
	Delete(ctx context.Context, table string, key Key, cond Condition) error
	// Transact writes all of 1..MaxTransact rows of different keys or none. A failed condition is a
	// *TransactError.
	Transact(ctx context.Context, puts []Put) error
	// Scan returns one page of a segment.
	Scan(ctx context.Context, s Scan) (Page, error)
	// Skew returns how far the store's clock is ahead of this machine's, as last measured; 0 if
	// they are the same clock.
	Skew() time.Duration
}
