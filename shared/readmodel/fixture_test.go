package readmodel

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"passbook/shared/account"
	"passbook/shared/consumer"
	"passbook/shared/event"
	"passbook/shared/event/eventtest"
	"passbook/shared/faults"
	"passbook/shared/journal"
	"passbook/shared/storetest"
	"passbook/shared/stream"
	"passbook/shared/stream/pebblestream"
	"passbook/shared/table"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	testStream = "test-events"
	testOutbox = "test-notifications"
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
	store := storetest.Memory(t, o, append([]table.Schema{{Name: testModel.Name}, {Name: furtherTable}}, journal.Schemas...)...)
	b := &bank{t: t, table: store.Table, streams: store.Streams, journal: &memoryJournal{entries: map[event.Account][]*event.Entry{}}}
	b.must(store.Streams.CreateStream(t.Context(), testStream, o.Shards))
	b.must(store.Streams.CreateStream(t.Context(), testOutbox, 1))
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
	reads   int
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

func (j *memoryJournal) Entries(_ context.Context, a event.Account, from, to int64) iter.Seq2[*event.Entry, error] {
	return func(yield func(*event.Entry, error) bool) {
		j.mu.Lock()
		j.reads++
		j.mu.Unlock()
		for _, e := range j.of(a) {
			if e.Last < from || to != 0 && e.First > to {
				continue
			}
			if !yield(e, nil) {
				return
			}
		}
	}
}

func (j *memoryJournal) Backward(_ context.Context, a event.Account, from int64) iter.Seq2[*event.Entry, error] {
	return func(yield func(*event.Entry, error) bool) {
		entries := j.of(a)
		for i := len(entries) - 1; i >= 0; i-- {
			if e := entries[i]; (from == 0 || e.First <= from) && !yield(e, nil) {
				return
			}
		}
	}
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

// testModel is a read model of whole account states.
var testModel = Model[account.State]{
	Name:  "balance",
	Fold:  account.Fold,
	Bytes: func(s account.State) int { return len(s.Currency) + len(s.HolderRef) + 64*cap(s.Holds) },
	After: func(s account.State) event.After { return event.After{Posted: s.Posted, Held: s.Held, Limit: s.Limit} },
	Encode: func(attrs table.Map, _ int64, _ event.Account, s account.State) {
		attrs["state"] = table.S(account.AppendState(nil, s))
	},
	Decode: func(a table.Map) (account.State, error) { return account.ParseState([]byte(a.Text("state"))) },
}

var errFold = errors.New("fold refused")

// failingModel returns testModel whose Fold fails for the events for which fails returns true.
func failingModel(fails func(account.State, event.Event) bool) Model[account.State] {
	m := testModel
	m.Fold = func(s account.State, e event.Event) (account.State, error) {
		if fails(s, e) {
			return s, errFold
		}
		return account.Fold(s, e)
	}
	return m
}

func (b *bank) projection(m Model[account.State], generation int64) *Projection[account.State] {
	return NewProjection(ProjectionConfig[account.State]{
		Generation: generation, Rows: NewRows(b.table, m, 0), Journal: b.journal,
		Outbox: Outbox{Streams: b.streams, Stream: testOutbox}, Log: quietLog,
	})
}

// deliveries returns entries as the reader of a shard delivers them.
func deliveries(t *testing.T, entries ...*event.Entry) []consumer.Delivery {
	t.Helper()
	list := make([]consumer.Delivery, len(entries))
	for i, e := range entries {
		r := record(t, e)
		list[i] = consumer.Delivery{Sequence: fmt.Sprint(1000 + i), PartitionKey: r.PartitionKey, Entry: e, Data: r.Data}
	}
	return list
}

// handle has a projection handle deliveries in one batch.
func (b *bank) handle(p *Projection[account.State], list []consumer.Delivery) {
	b.t.Helper()
	h, err := p.Open(b.t.Context(), consumer.Shard{Stream: testStream, ID: "shardId-000000000000"}, "")
	b.must(err)
	checkpoint, err := h.Handle(b.t.Context(), consumer.Batch{Deliveries: list})
	b.must(err)
	if len(list) > 0 && checkpoint != list[len(list)-1].Sequence {
		b.t.Fatalf("checkpoint %q, want %q", checkpoint, list[len(list)-1].Sequence)
	}
	b.must(h.Close())
}

// row returns an account's row as it is stored.
func (b *bank) row(generation int64, a event.Account) Row[account.State] {
	b.t.Helper()
	row, err := NewRows(b.table, testModel, 0).load(b.t.Context(), generation, a)
	b.must(err)
	return row
}

// check fails the test unless every account's row is the fold of its journal.
func (b *bank) check(generation int64) {
	b.t.Helper()
	for _, a := range b.journal.order {
		b.checkAccount(generation, a)
	}
}

func (b *bank) checkAccount(generation int64, a event.Account) {
	b.t.Helper()
	row := b.row(generation, a)
	entries := b.journal.of(a)
	want := foldAll(b.t, entries)
	if row.QuarantinedAt != 0 || row.Version != want.Version {
		b.t.Fatalf("%s: row at v%d, quarantined at %d (%s); the journal is at v%d", a, row.Version, row.QuarantinedAt, row.Cause, want.Version)
	}
	if string(account.AppendState(nil, row.State)) != string(account.AppendState(nil, want)) || row.Hash != entries[len(entries)-1].Hash {
		b.t.Fatalf("%s: row %+v, want %+v", a, row.State, want)
	}
}

func foldAll(t *testing.T, entries []*event.Entry) account.State {
	t.Helper()
	var s account.State
	for _, e := range entries {
		for _, ev := range e.Events {
			var err error
			if s, err = account.Fold(s, ev); err != nil {
				t.Fatal(err)
			}
		}
	}
	return s
}
