package readmodel

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"passbook/shared/account"
	"passbook/shared/archive/archivetest"
	"passbook/shared/consumer"
	"passbook/shared/event"
	"passbook/shared/stream/pebblestream"
	"passbook/shared/table"
)

// testFurther names a row for each entry, and one that follows the state.
var testFurther = Further[account.State]{
	Table: furtherTable,
	OfEntry: func(generation int64, e *event.Entry) []table.Row {
		key := table.Key{PK: GenerationPrefix(generation) + "e", SK: fmt.Sprintf("%s#%d#%s", e.AccountID, e.First, e.Hash)}
		return []table.Row{{Key: key, Attrs: table.Map{"last": table.N(e.Last)}}}
	},
	OfState: func(generation int64, r Row[account.State]) (table.Row, bool) {
		key := table.Key{PK: GenerationPrefix(generation) + "s", SK: r.Account.ID}
		return table.Row{Key: key, Attrs: table.Map{"posted": table.N(r.State.Posted), "held": table.N(r.State.Held)}}, true
	},
}

const furtherTable = "further"

// process is a process that is killed when it has made so many writes.
type process struct {
	table.Table
	left   atomic.Int64
	ctx    context.Context
	cancel context.CancelFunc
}

var errKilled = errors.New("killed")

func (p *process) write(make func() error) error {
	if p.left.Add(-1) < 0 {
		p.cancel()
		return errKilled
	}
	return make()
}

// Put implements table.Table.
func (p *process) Put(ctx context.Context, put table.Put) error {
	return p.write(func() error { return p.Table.Put(ctx, put) })
}

// PutEach implements table.Table. It makes the puts in any order, so that any of them may be those
// that a kill leaves out.
func (p *process) PutEach(ctx context.Context, puts []table.Put) []error {
	order := rand.New(rand.NewPCG(uint64(p.left.Load()), uint64(len(puts)))).Perm(len(puts))
	shuffled, outcomes := make([]table.Put, len(puts)), make([]error, len(puts))
	for i, at := range order {
		shuffled[i] = puts[at]
	}
	for i, err := range table.PutApart(ctx, shuffled, 1, p.Put) {
		outcomes[order[i]] = err
	}
	return outcomes
}

// Transact implements table.Table.
func (p *process) Transact(ctx context.Context, puts []table.Put) error {
	return p.write(func() error { return p.Table.Transact(ctx, puts) })
}

// process returns a process and its projection of a generation. A process without a kill makes any
// number of writes.
func (b *bank) process(generation int64, transact bool, writes int64) (*process, *Projection[account.State]) {
	p := &process{Table: b.table}
	p.ctx, p.cancel = context.WithCancel(b.t.Context())
	p.left.Store(writes)
	return p, NewProjection(ProjectionConfig[account.State]{
		Generation: generation, Rows: NewRows(p, testModel, 0), Journal: b.journal, Further: &testFurther, Transact: transact,
		Outbox: Outbox{Streams: b.streams, Stream: testOutbox}, Log: quietLog,
	})
}

const anyWrites = 1 << 40

// checkFurther fails the test unless the further rows of a generation are those of its journal.
func (b *bank) checkFurther(t interface{ Fatalf(string, ...any) }, generation int64) {
	want, got := map[table.Key]table.Map{}, map[table.Key]table.Map{}
	for _, a := range b.journal.order {
		entries := b.journal.of(a)
		for _, e := range entries {
			for _, row := range testFurther.OfEntry(generation, e) {
				want[row.Key] = row.Attrs
			}
		}
		row, _ := testFurther.OfState(generation, Row[account.State]{Account: a, State: foldAll(b.t, entries)})
		row.Attrs["version"] = table.N(entries[len(entries)-1].Last)
		want[row.Key] = row.Attrs
	}
	for row, err := range table.ScanRows(b.t.Context(), b.table, table.Scan{Table: furtherTable, Of: 1}) {
		b.must(err)
		if row.PK == GenerationPrefix(generation)+"e" || row.PK == GenerationPrefix(generation)+"s" {
			delete(row.Attrs, "rev") // an interrupted write may have had a higher one
			got[row.Key] = row.Attrs
		}
	}
	for key, attrs := range want {
		if !reflect.DeepEqual(got[key], attrs) {
			t.Fatalf("generation %d: %v is %v, want %v", generation, key, got[key], attrs)
		}
	}
	if len(got) != len(want) {
		t.Fatalf("generation %d has %d further rows, want %d", generation, len(got), len(want))
	}
}

// Processes are killed between any two writes while they follow the stream, rebuild and fold again,
// and older ones wake up. In the end all rows are what the journal makes them.
func TestFurtherRowsSurviveEveryKill(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		b := newBankWith(t, pebblestream.Options{Shards: 1})
		entries := archivetest.Bank(rapid.Uint64().Draw(r, "seed"), 3, rapid.IntRange(3, 30).Draw(r, "entries"))
		b.journal.commit(entries...)
		var asleep []*Projection[account.State]
		done := map[int64]int{}
		for range rapid.IntRange(1, 20).Draw(r, "steps") {
			generation := rapid.Int64Range(1, 2).Draw(r, "generation")
			alive, p := b.process(generation, rapid.Bool().Draw(r, "transact"), rapid.Int64Range(0, 12).Draw(r, "writes"))
			switch rapid.SampledFrom([]string{"follow", "follow", "refold", "rebuild", "wake"}).Draw(r, "step") {
			case "refold":
				_ = p.Refold(alive.ctx, rapid.SampledFrom(b.journal.order).Draw(r, "account"))
			case "rebuild":
				_, _ = p.CatchUp(alive.ctx, rapid.SampledFrom(b.journal.order).Draw(r, "account"))
			case "wake":
				if len(asleep) == 0 {
					continue
				}
				p = asleep[0] // with the rows that it had in memory
				generation, asleep = p.generation, asleep[1:]
				fallthrough
			default:
				from := rapid.IntRange(0, done[generation]).Draw(r, "from")
				to := rapid.IntRange(from, len(entries)).Draw(r, "to")
				if b.follow(alive.ctx, p, entries[from:to]) == nil {
					done[generation] = max(done[generation], to)
				}
				asleep = append(asleep, p)
			}
			alive.cancel()
		}
		for generation := int64(1); generation <= 2; generation++ {
			_, p := b.process(generation, rapid.Bool().Draw(r, "transact"), anyWrites)
			b.must(b.follow(t.Context(), p, entries[done[generation]:]))
			for _, a := range b.journal.order { // as a redelivery of the last batches does
				_, err := p.CatchUp(t.Context(), a)
				b.must(err)
			}
			b.check(generation)
			b.checkFurther(r, generation)
		}
	})
}

// follow has a projection handle entries in one batch.
func (b *bank) follow(ctx context.Context, p *Projection[account.State], entries []*event.Entry) error {
	h, err := p.Open(ctx, consumer.Shard{Stream: testStream, ID: "shardId-000000000000"}, "")
	b.must(err)
	_, err = h.Handle(ctx, consumer.Batch{Deliveries: deliveries(b.t, entries...)})
	b.must(h.Close())
	return err
}
