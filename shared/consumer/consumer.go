package consumer

import (
	"context"
	"errors"
	"fmt"
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

// Runtime is what the workers of a process share. Stream, Owner, Table and Streams are required.
type Runtime struct {
	// Stream is the stream to read, with the deployment's prefix.
	Stream string
	// Owner names the process among the holders of leases. It MUST be new for each start of it.
	Owner string
	// Lease is how long a worker may be silent before others take its shards; 0 is DefaultLease.
	Lease time.Duration
	// Exclusive says that no other process can use the store, so that every lease of another owner
	// is dead already.
	Exclusive bool

	Table   table.Table
	Streams stream.Stream
	// Decoder decodes each record once for all workers; nil makes one.
	Decoder *Decoder
	// Health is told how the workers do; nil is told nothing.
	Health *Health
	// Metrics counts; nil counts nothing.
	Metrics *Metrics
	// Log gets holes and stalls; nil is slog.Default.
	Log *slog.Logger
}

// complete returns the runtime with its defaults.
func (r Runtime) complete() Runtime {
	if r.Lease <= 0 {
		r.Lease = DefaultLease
	}
	if r.Decoder == nil {
		r.Decoder = NewDecoder()
	}
	if r.Health == nil {
		r.Health = NewHealth()
	}
	if r.Metrics == nil {
		r.Metrics = NewMetrics(nil)
	}
	if r.Log == nil {
		r.Log = slog.Default()
	}
	return r
}

// Config configures a Worker. Runtime, Name and Open are required.
type Config struct {
	Runtime Runtime
	// Name is the consumer's, such as "balance@1". Workers of one name share a stream's shards.
	Name string
	Open Opener
	// Accounts and Heal close holes: Heal is called for each account whose key hashes into a shard
	// that lost records. Without them a hole stays open, for audit to judge. Accounts lists a page
	// of the accounts of a hash bucket; next is empty at the end.
	Accounts func(ctx context.Context, bucket byte, after string) (accounts []event.Account, next string, err error)
	Heal     func(ctx context.Context, a event.Account) error
	// Empty reports whether what the consumer keeps lacks the accounts that it should have, given
	// when the stream was created. If it does when the worker starts, every account is healed. nil
	// does not check.
	Empty func(ctx context.Context, created time.Time) (bool, error)
	// Tend is called at least once a lease, for work that belongs to no shard; nil is none.
	Tend func(ctx context.Context) error
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
