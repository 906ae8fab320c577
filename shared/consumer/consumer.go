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
	"passbook/shared/telemetry/trace"
)

const (
	// DefaultLease is how long a worker may be silent before others take its shards.
	DefaultLease = 10 * time.Second
	// PollEvery is the time between two reads of a shard on a stream that is not a stream.Notifier.
	// Kinesis allows 5 GetRecords a second and shard: three consumers take 3.75, and a generation
	// that is rebuilt and a feed without fan-out half a one each.
	PollEvery = 800 * time.Millisecond
	// SlowPollEvery is that time for a consumer for which nobody waits.
	SlowPollEvery = 2 * time.Second
	// DefaultGather is how long records gather between two reads of a shard on a stream.Notifier,
	// for a consumer that says nothing else. More records then share what a batch costs.
	DefaultGather = 3 * time.Millisecond
	// idleEvery is how often a handler is called for a shard on which nothing arrives.
	idleEvery = time.Second
	// checkpointEvery spaces the writes of a busy shard's lease. Checkpoints only save work, and
	// each costs a write unit. A lease is also renewed four times in its length, so one of less
	// than 8 seconds is written more often.
	checkpointEvery = 2 * time.Second
	// rebalanceEvery is the longest pause between two reads of the leases. It keeps a hand-over
	// within 2 seconds.
	rebalanceEvery = time.Second
	// handOverGrace is how long a handler may work on when its shard is to be handed over.
	handOverGrace = time.Second
	// maintainTimeout bounds each step of the maintenance, which no lease watches: a listing, a
	// page of accounts, one account healed. A step that is cut short is repeated.
	maintainTimeout = time.Minute
)

// Delivery is one record of a shard.
type Delivery struct {
	// Sequence is the record's sequence number, and Arrived the stream's own time of its arrival.
	Sequence string
	Arrived  time.Time
	// PartitionKey is "<tenant>#<account>".
	PartitionKey string
	// Entry is the decoded record. The consumers of a process share it: it MUST NOT be changed. It
	// is nil when the record cannot be decoded or its entry is foreign, and Err is the reason.
	Entry *event.Entry
	Err   error
	// Data is the record's bytes.
	Data []byte
}

// Origin checks that the bank's own programs made what is on the stream. Others may put records
// there too. It is called concurrently.
type Origin interface {
	// Check returns nil for an entry of the bank, event.ErrForeign for any other, and another error
	// where it could not find out.
	Check(ctx context.Context, e *event.Entry) error
	// CheckFormat returns event.ErrForeign for a record of a format that is newer than the bank's.
	// Any other error means that the bank was upgraded, or that it could not find out.
	CheckFormat(ctx context.Context, format int) error
	// BankFormat returns the newest format of the bank's entries.
	BankFormat() int
}

// Shard identifies a shard of a stream.
type Shard struct {
	Stream string
	// Created is when the stream was created. It distinguishes the stream from an earlier one of
	// the same name, whose shards have the same ids.
	Created time.Time
	ID      string
	// FirstHash and LastHash bound, inclusive, the hash keys of its records.
	FirstHash, LastHash *big.Int
}

// String returns the shard as logs show it.
func (s Shard) String() string { return fmt.Sprintf("%s/%s", s.Stream, s.ID) }

// Owns reports whether records of a partition key belong on the shard.
func (s Shard) Owns(partitionKey string) bool {
	if s.FirstHash == nil || s.LastHash == nil {
		return true
	}
	k := stream.HashKey(partitionKey)
	return k.Cmp(s.FirstHash) >= 0 && k.Cmp(s.LastHash) <= 0
}

// Batch is the result of one read of a shard.
type Batch struct {
	Shard      Shard
	Deliveries []Delivery
	// Behind is the time between the end of the batch and the tip of the shard.
	Behind time.Duration
	// Ended is set when a closed shard was read to its end, so that nothing follows.
	Ended bool
}

// Handler processes the records of one shard, one batch at a time. Handle is also called without
// deliveries, at least once a second while the shard is idle, for work that depends on time.
type Handler interface {
	// Handle returns the sequence number up to which the shard may be checkpointed, "" for no
	// change. When b.Ended, that MUST be the last one of all. After an error the handler is closed,
	// and another is opened at the checkpoint.
	Handle(ctx context.Context, b Batch) (checkpoint string, err error)
	// Close ends the handler when the shard is finished, handed over or lost. What the handler has
	// not stored yet is delivered again.
	Close() error
}

// Opener opens a handler when the lease of a shard is taken. checkpoint "" is the trim horizon.
type Opener func(ctx context.Context, shard Shard, checkpoint string) (Handler, error)

// keepAliveKey is the key under which the context of a handler has the function that KeepAlive
// calls.
type keepAliveKey struct{}

// KeepAlive tells the Worker that a handler is alive although it has not returned for a while. A
// shard whose handler neither returns nor calls KeepAlive for a lease is given to another worker.
// It is meant for bounded calls that may take longer than a lease, such as an upload. It must be
// called by the goroutine that the Worker called; on a context of any other origin it does nothing.
func KeepAlive(ctx context.Context) {
	if keepAlive, ok := ctx.Value(keepAliveKey{}).(func()); ok {
		keepAlive()
	}
}

// Runtime is what the workers of a process share. Stream, Owner, Table and Streams are required.
type Runtime struct {
	// Stream is the stream to read, with the deployment's prefix.
	Stream string
	// Owner names the process in the leases. It MUST be a new one for each start of the process.
	Owner string
	// Lease is how long a worker may be silent before others take its shards; 0 is DefaultLease.
	Lease time.Duration
	// Exclusive is set when no other process can use the store. The leases of any other owner then
	// count as expired.
	Exclusive bool

	Table   table.Table
	Streams stream.Stream
	// Origin checks where entries are from; nil takes all of them.
	Origin Origin
	// Decoder decodes each record once for all workers; nil makes one.
	Decoder *Decoder
	// Health collects how the workers do; nil makes one.
	Health *Health
	// Tracer exports spans of what the handlers do; nil exports none.
	Tracer *trace.Tracer
	// Metrics counts; nil counts nothing.
	Metrics *Metrics
	// Log gets holes, failures and shards that are no longer read; nil is slog.Default.
	Log *slog.Logger
}

// withDefaults returns the runtime with every optional field set.
func (r Runtime) withDefaults() Runtime {
	if r.Lease <= 0 {
		r.Lease = DefaultLease
	}
	if r.Decoder == nil {
		r.Decoder = NewDecoder(0)
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
	// Name is the consumer's name, such as "balance@1". Workers of one name share the shards of a
	// stream.
	Name string
	Open Opener
	// Accounts and Heal close holes: Heal is called for each account whose key hashes into a shard
	// that lost records. Without them a hole stays open, and an audit has to judge it. Accounts
	// returns a page of the accounts of a hash bucket; next is empty at the end.
	Accounts func(ctx context.Context, bucket byte, after string) (accounts []event.Account, next string, err error)
	Heal     func(ctx context.Context, a event.Account) error
	// Empty reports whether the consumer's own store was lost, so that it has none of the accounts
	// that it should have; created is the creation of the stream. It is called when the worker
	// starts, until it returns no error. If it returns true, every account is healed. nil is not
	// called.
	Empty func(ctx context.Context, created time.Time) (bool, error)
	// Slow reports that nobody waits for the consumer, which then reads only every SlowPollEvery;
	// nil is never.
	Slow func() bool
	// Gather is how long records gather between two reads of a shard on a stream.Notifier; 0 is
	// DefaultGather. A record that arrives later than that after a read is read at once.
	Gather time.Duration
	// Idle reports that nothing that was read before is needed: it is passed over; nil is never.
	Idle func(ctx context.Context) bool
	// Maintain is called at least once a lease, for work that belongs to no shard; nil is not
	// called.
	Maintain func(ctx context.Context) error
}

// fatalError ends the worker, where another error ends the handler.
type fatalError struct{ err error }

func (e *fatalError) Error() string { return e.err.Error() }
func (e *fatalError) Unwrap() error { return e.err }

// Fatal marks an error of a handler that no retry can repair. The worker then hands its shards
// over, and Run returns the error.
func Fatal(err error) error { return &fatalError{err} }

func isFatal(err error) bool {
	var f *fatalError
	return errors.As(err, &f)
}

// rewindError has a shard read again from an earlier position.
type rewindError struct{ to string }

func (e *rewindError) Error() string {
	return fmt.Sprintf("consumer: read the shard again from %q", e.to)
}

// Rewind returns the error of an Opener that has lost what follows a sequence number, "" for the
// trim horizon, although the shard was checkpointed beyond it. The worker sets the checkpoint back
// to that number. What the stream no longer has of the range is recorded as a hole.
func Rewind(to string) error { return &rewindError{to} }
