package consumer

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"passbook/shared/event"
	"passbook/shared/event/eventtest"
	"passbook/shared/faults"
	"passbook/shared/journal"
	"passbook/shared/storetest"
	"passbook/shared/stream"
	"passbook/shared/stream/pebblestream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	testStream = "test-events"
	testLease  = 4 * time.Second
)

var quietLog = slog.New(slog.NewTextHandler(io.Discard, nil))

// bank is a store with a stream and a journal in memory.
type bank struct {
	t       *testing.T
	table   *faults.Table
	streams *faults.Stream
	journal *memoryJournal
}

func newBank(t *testing.T, shards int) *bank {
	t.Helper()
	return newBankWith(t, pebblestream.Options{Shards: shards})
}

// newBankWith returns a bank whose streams have options.
func newBankWith(t *testing.T, o pebblestream.Options) *bank {
	t.Helper()
	store := storetest.Memory(t, o, journal.Schemas...)
	b := &bank{t: t, table: store.Table, streams: store.Streams, journal: &memoryJournal{entries: map[event.Account][]*event.Entry{}}}
	b.must(store.Streams.CreateStream(t.Context(), testStream, o.Shards))
	return b
}

func (b *bank) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// publish puts entries on the stream, in order.
func (b *bank) publish(entries ...*event.Entry) {
	b.t.Helper()
	for len(entries) > 0 {
		n := min(len(entries), stream.MaxPutRecords)
		records := make([]stream.Record, n)
		for i, e := range entries[:n] {
			records[i] = record(b.t, e)
		}
		results, err := b.streams.Put(b.t.Context(), testStream, records)
		b.must(err)
		for _, r := range results {
			b.must(r.Err)
		}
		entries = entries[n:]
	}
}

func record(t *testing.T, e *event.Entry) stream.Record {
	t.Helper()
	sealed := *e
	sealed.State = nil
	enc, err := event.Seal(&sealed, eventtest.Keys)
	if err != nil {
		t.Fatal(err)
	}
	return stream.Record{PartitionKey: e.Account().String(), Data: enc.Record}
}

// shards returns the shards of the stream.
func (b *bank) shards() []stream.Shard {
	b.t.Helper()
	shards, err := b.streams.Shards(b.t.Context(), testStream)
	b.must(err)
	return shards
}

// memoryJournal is a journal in memory.
type memoryJournal struct {
	mu      sync.Mutex
	entries map[event.Account][]*event.Entry
	order   []event.Account
}

func (j *memoryJournal) commit(entries ...*event.Entry) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, e := range entries {
		a := e.Account()
		if len(j.entries[a]) == 0 {
			j.order = append(j.order, a)
		}
		j.entries[a] = append(j.entries[a], e)
	}
}

func (j *memoryJournal) of(a event.Account) []*event.Entry {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]*event.Entry(nil), j.entries[a]...)
}

func (j *memoryJournal) Accounts(_ context.Context, digit byte, after string) (list []event.Account, next string, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	const page = 3 // small, so that tests page
	seen := after == ""
	for _, a := range j.order {
		switch {
		case a.HashBucket() != digit:
		case !seen:
			seen = a.String() == after
		case len(list) == page:
			return list, list[page-1].String(), nil
		default:
			list = append(list, a)
		}
	}
	return list, "", nil
}

// ledger is the store of a consumer, in memory: the version that each account is at.
type ledger struct {
	bank *bank
	mu   sync.Mutex
	at   map[event.Account]int64
}

// open returns a handler that takes the entries that follow what the ledger has.
func (l *ledger) open(context.Context, Shard, string) (Handler, error) {
	return handlerFunc(func(b Batch) string {
		last := ""
		for _, d := range b.Deliveries {
			l.take(d.Entry)
			last = d.Sequence
		}
		return last
	}), nil
}

func (l *ledger) take(e *event.Entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if a := e.Account(); e.First == l.at[a]+1 {
		l.at[a] = e.Last
	}
}

// heal takes from the journal what the ledger lacks of an account.
func (l *ledger) heal(_ context.Context, a event.Account) error {
	for _, e := range l.bank.journal.of(a) {
		l.take(e)
	}
	return nil
}

// version returns the version that an account is at.
func (l *ledger) version(a event.Account) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.at[a]
}

// check fails the test unless every account is at the head of its journal.
func (l *ledger) check() {
	l.bank.t.Helper()
	for _, a := range l.bank.journal.order {
		entries := l.bank.journal.of(a)
		if head := entries[len(entries)-1].Last; l.version(a) != head {
			l.bank.t.Errorf("%s is at v%d, and the journal at v%d", a, l.version(a), head)
		}
	}
}

func (b *bank) ledger() *ledger { return &ledger{bank: b, at: map[event.Account]int64{}} }

// handlerFunc is a handler that is a function.
type handlerFunc func(Batch) string

func (f handlerFunc) Handle(_ context.Context, b Batch) (string, error) { return f(b), nil }
func (f handlerFunc) Close() error                                      { return nil }
