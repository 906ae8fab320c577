package stream

import (
	"context"
	"crypto/md5" //nolint:gosec // Kinesis maps partition keys to shards by MD5; it guards nothing.
	"errors"
	"math/big"
	"time"
)

// The limits that every adapter enforces. They are those of Kinesis Data Streams, or lower where
// emulators accept less.
const (
	// MaxPutRecords is the most records of one Put (PutRecords: 500).
	MaxPutRecords = 500
	// MaxPutBytes is the most bytes of one Put, data and partition keys. PutRecords takes 10 MiB,
	// but not every emulator does.
	MaxPutBytes = 4 << 20
	// MaxRecordBytes is the most bytes of one record's data and partition key (the default stream's
	// 1 MiB).
	MaxRecordBytes = 1 << 20
	// MaxPartitionKey is the most characters of a partition key.
	MaxPartitionKey = 256
	// MaxGetRecords is the most records of one Get (GetRecords: 10,000).
	MaxGetRecords = 10000
	// MaxGetBytes is the most bytes of one Get (GetRecords: 10 MiB).
	MaxGetBytes = 10 << 20
	// IteratorAge is how long an iterator can be used (Kinesis: 5 minutes).
	IteratorAge = 5 * time.Minute
)

// The errors that callers distinguish.
var (
	// ErrNotFound: no such stream or shard.
	ErrNotFound = errors.New("stream: not found")
	// ErrThrottled: the read or write limit of the shard is reached, try again later.
	ErrThrottled = errors.New("stream: throttled")
	// ErrExpiredIterator: the iterator is older than IteratorAge; take a new one after the last
	// sequence number read.
	ErrExpiredIterator = errors.New("stream: iterator expired")
	// ErrTrimmed: the position is before the trim horizon, or was never on this shard: this reader
	// may have missed records.
	ErrTrimmed = errors.New("stream: position trimmed")
	// ErrRefused: the caller has no permission for the stream or for its encryption key; nothing
	// was done, and no repetition helps.
	ErrRefused = errors.New("stream: permission denied")
	// ErrInvalid: the call itself is wrong (too many records, a record that is too large, an empty
	// partition key).
	ErrInvalid = errors.New("stream: invalid request")
)

// Record is a partition key and data that a producer puts.
type Record struct {
	PartitionKey string
	Data         []byte
}

// PutResult is a record's own result: where it is, or why it is not there. A nil Err means durable.
type PutResult struct {
	Shard    string
	Sequence string
	// Err is ErrThrottled, or another error after which the record may be on the stream or not.
	Err error
}

// Delivered is a record that a reader gets. Its data is shared by the readers of a process: it MUST
// NOT be changed.
type Delivered struct {
	Record
	// Sequence is a decimal number of up to 56 digits without leading zeros. It rises within a
	// shard, with gaps. Compare sequences with CompareSequence, never as strings.
	Sequence string
	// Arrived is the approximate time of the arrival, by the stream's clock. It need not be in
	// order.
	Arrived time.Time
}

// Shard is a part of a stream: a range of hash keys, and its ancestry.
type Shard struct {
	ID string
	// FirstHash and LastHash bound, inclusive, the 128-bit hash keys of the shard.
	FirstHash, LastHash *big.Int
	// Parents has none (an original shard), one (a child of a split) or two (of a merge) shard ids.
	// A parent that was trimmed away is still named, but no longer listed.
	Parents []string
	// Closed reports whether the shard takes no more records. Read it to its end, then its
	// children.
	Closed bool
}

// Where is a kind of Position.
type Where int

// The kinds of positions.
const (
	// TrimHorizon is the oldest record that was not trimmed.
	TrimHorizon Where = iota
	// Latest is after the newest record.
	Latest
	// AfterSequence is after Position.Sequence.
	AfterSequence
	// AtSequence is at Position.Sequence.
	AtSequence
	// AtTime is the first record that arrived at or after Position.Time.
	AtTime
)

// Position is where to start reading a shard.
type Position struct {
	Where    Where
	Sequence string
	Time     time.Time
}

// Batch is the result of one Get. It may be empty while more follows.
type Batch struct {
	Records []Delivered
	// Next is the iterator for the next Get; empty if a closed shard was read to its end.
	Next string
	// Behind is how far the end of the batch is from the newest record; 0 if everything was read.
	Behind time.Duration
}

// Stream is the port. Methods may be called concurrently; every call obeys its context's deadline.
type Stream interface {
	// Put puts 1..MaxPutRecords records and returns one result for each, in their order. Some may
	// fail while others of the same partition key succeed: a caller that needs order has one record
	// of a key in flight. An error means that nothing is known of any record.
	Put(ctx context.Context, stream string, records []Record) ([]PutResult, error)
	// Shards lists the shards that still have records or may still take some.
	Shards(ctx context.Context, stream string) ([]Shard, error)
	// Iterator returns an iterator. A position before the trim horizon is ErrTrimmed, never
	// silently moved.
	Iterator(ctx context.Context, stream, shard string, at Position) (string, error)
	// Get reads up to limit records (1..MaxGetRecords; at most 10 MiB).
	Get(ctx context.Context, iterator string, limit int) (Batch, error)
	// Created returns when the stream was created, in whole seconds. A stream that was deleted and
	// created again has a later time, so that positions and segments of the two are never confused.
	Created(ctx context.Context, stream string) (time.Time, error)
}

// Notifier is an optional part of an adapter that knows when records arrive, so that readers need
// not poll.
type Notifier interface {
	// Arrived returns a channel that is closed at the next arrival on, or change of, the stream's
	// shard after the call.
	Arrived(stream, shard string) <-chan struct{}
}

// HashKey returns the 128-bit number that places a partition key on a shard: MD5, big-endian.
func HashKey(partitionKey string) *big.Int {
	sum := md5.Sum([]byte(partitionKey)) //nolint:gosec // see the import
	return new(big.Int).SetBytes(sum[:])
}

// CompareSequence compares two sequence numbers of one shard and returns -1, 0 or 1.
func CompareSequence(a, b string) int {
	switch {
	case len(a) != len(b):
		if len(a) < len(b) {
			return -1
		}
		return 1
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
