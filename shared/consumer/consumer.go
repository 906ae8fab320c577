package consumer

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"math/big"
	"time"

	"passbook/shared/event"
	"passbook/shared/stream"
	"passbook/shared/table"
)

const (
	// DefaultLease is how long a worker may be silent before its shards are taken.
	DefaultLease = 10 * time.Second
	// PollEvery is the pace of reads of a shard on a stream that wakes nobody: Kinesis allows 5
	// GetRecords a second and shard, which three consumers share.
	PollEvery = 600 * time.Millisecond
	// idleEvery is how often a handler hears of a shard on which nothing arrives.
	idleEvery = time.Second
	// checkpointEvery spaces the writes of a busy shard's lease. They only save work, and each is a
	// write unit: one in two seconds. A lease is renewed at least each quarter of it, so one of
	// less than 8 seconds costs more: 4 writes in its length.
	checkpointEvery = 2 * time.Second
	// surveyEvery is the longest pause between two looks at the leases, so that a hand-off takes no
	// longer than 2 seconds.
	surveyEvery = time.Second
	// handOffGrace is how long a batch in work may go on when its lease is to be handed over.
	handOffGrace = time.Second
	// tendWithin bounds each step of what no lease watches: a listing, a page of accounts, one
	// account healed. One that hung would leave holes open and say nothing. A step cut short goes
	// on where it was the next time.
	tendWithin = time.Minute
)

// Delivery is one record of a shard.
type Delivery struct {
	// Sequence is the record's place in its shard, Arrived the stream's own time.
	Sequence string
	Arrived  time.Time
	// PartitionKey is "<tenant>#<account>".
	PartitionKey string
	// Entry is the record decoded, shared with the other consumers of the process: it MUST NOT be
	// changed. It is nil when the record cannot be decoded, and then Err says why.
	Entry *event.Entry
	Err   error
	// Data is the record's bytes.
	Data []byte
}

// Shard says which part of which stream a handler works on.
type Shard struct {
	Stream string
	// Created is when the stream was made, which tells it from an earlier one of the same name.
	Created time.Time
	ID      string
	// FirstHash and LastHash bound, inclusive, the hash keys of its records.
	FirstHash, LastHash *big.Int
}

// Batch is what one read of a shard gave.
type Batch struct {
	Shard      Shard
	Deliveries []Delivery
	// Behind is how far the batch's end is from the shard's tip.
	Behind time.Duration
	// Ended says that a closed shard was read to its end and nothing follows.
	Ended bool
}

// Handler works on one shard, one batch at a time. Handle is also called without deliveries, at
// least once a second while the shard is idle, so that work that waits on age goes on.
type Handler interface {
	// Handle returns the sequence number up to which the shard may be checkpointed, "" for nothing
	// new. When b.Ended, that MUST be the last one of all. After an error the handler is closed,
	// and another is opened at the checkpoint.
	Handle(ctx context.Context, b Batch) (checkpoint string, err error)
	// Close is called when the shard is finished, handed over or lost. What is not durable is
	// dropped.
	Close() error
}

// aliveKey is where the context of a handler keeps what Alive calls.
type aliveKey struct{}

// Alive says that a handler which has its context from a Worker lives, though it has returned
// nothing for a while. A shard whose handler neither returns nor says so for a lease is given to
// another worker. It is for calls that are bounded and may take longer than a lease, as an upload;
// it is called by the goroutine that the Worker has called. On any other context it does nothing.
func Alive(ctx context.Context) {
	if alive, ok := ctx.Value(aliveKey{}).(func()); ok {
		alive()
	}
}

// Opener opens a handler when a shard's lease is taken. checkpoint "" is the trim horizon.
type Opener func(ctx context.Context, shard Shard, checkpoint string) (Handler, error)

// History reads an account's entries from the journal; *journal.Reader does.
type History interface {
	// Entries walks, in version order, the entries that overlap versions from..to; to 0 is the
	// head.
	Entries(ctx context.Context, a event.Account, from, to int64) iter.Seq2[*event.Entry, error]
	// Backward walks entries newest first, from the one that holds a version, or is the last before
	// it; from 0 is the head.
	Backward(ctx context.Context, a event.Account, from int64) iter.Seq2[*event.Entry, error]
}

// Directory lists the accounts of the journal; *journal.Reader does.
type Directory interface {
	// Accounts lists a page of the accounts whose key's hash begins with a hex digit; next is empty
	// at the end.
	Accounts(ctx context.Context, digit byte, after string) (accounts []event.Account, next string, err error)
}

// Config configures a Worker. Name, Stream, Owner, Table, Streams and Open are required.
type Config struct {
	// Name is the consumer's, such as "balance@1". Workers of one name share a stream's shards.
	Name string
	// Stream is the stream to read, with the deployment's prefix.
	Stream string
	// Owner names this worker. It MUST be new for each start of a process.
	Owner string
	// Lease is how long a worker may be silent before others take its shards; 0 is DefaultLease.
	Lease time.Duration
	// Exclusive says that no other process can use the store, so that every lease of another owner
	// is dead already.
	Exclusive bool

	Table   table.Table
	Streams stream.Stream
	Open    Opener
	// Journal and Heal close holes: Heal is called for each account of the journal whose key hashes
	// into a shard that lost records. Without them a hole stays open, for audit to judge.
	Journal Directory
	Heal    func(ctx context.Context, a event.Account) error
	// Missing says whether the read model has no row of an account that it should have one of, the
	// stream having been made at a time. With it and Heal, a model that is empty beside a journal
	// that is not is filled from the journal at the start; nil does not look.
	Missing func(ctx context.Context, a event.Account, created time.Time) (bool, error)
	// Decoder is shared by the consumers of a process; nil makes one.
	Decoder *Decoder
	// RowBytes bounds the rows that each projection keeps in memory; 0 is 64 MiB.
	RowBytes int64
	// Health is told how the worker does; the workers of a process share one. nil is told nothing.
	Health *Health
	// Metrics counts; nil counts nothing.
	Metrics *Metrics
	// Log is where holes, quarantines and stalls are said aloud; nil is slog.Default.
	Log *slog.Logger
}

func (c *Config) complete() {
	if c.Lease <= 0 {
		c.Lease = DefaultLease
	}
	if c.Decoder == nil {
		c.Decoder = NewDecoder()
	}
	if c.Health == nil {
		c.Health = NewHealth()
	}
	if c.Metrics == nil {
		c.Metrics = NewMetrics(nil)
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Name != "" { // a template has none yet
		c.Log = c.Log.With("consumer", c.Name)
	}
}

// fatalError ends the worker instead of the handler.
type fatalError struct{ err error }

func (e *fatalError) Error() string { return e.err.Error() }
func (e *fatalError) Unwrap() error { return e.err }

// Fatal marks an error of a handler that no retry can mend. The worker hands its shards over, and
// Run returns the error.
func Fatal(err error) error { return &fatalError{err} }

func isFatal(err error) bool {
	var f *fatalError
	return errors.As(err, &f)
}

// rewindError has a shard read again from an earlier position.
type rewindError struct{ to string }

func (e *rewindError) Error() string { return fmt.Sprintf("consumer: read again from %q", e.to) }

// Rewind is the error of an Opener that has lost what lies behind a sequence number, "" for the
// trim horizon, though it was checkpointed: the checkpoint is set back there. What the stream no
// longer has of it is recorded as a hole.
func Rewind(to string) error { return &rewindError{to} }

// String is for logs.
func (s Shard) String() string { return fmt.Sprintf("%s/%s", s.Stream, s.ID) }

// Owns says whether records of a partition key belong on the shard.
func (s Shard) Owns(partitionKey string) bool {
	if s.FirstHash == nil || s.LastHash == nil {
		return true
	}
	k := stream.HashKey(partitionKey)
	return k.Cmp(s.FirstHash) >= 0 && k.Cmp(s.LastHash) <= 0
}
