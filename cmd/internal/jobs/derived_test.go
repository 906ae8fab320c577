package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"passbook/balance"
	"passbook/creditlimit"
	"passbook/shared/account"
	"passbook/shared/archive/archivetest"
	"passbook/shared/consumer"
	"passbook/shared/derived"
	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/shared/journal/restorer"
	"passbook/shared/platform"
	"passbook/shared/progress"
	"passbook/shared/readmodel"
	"passbook/shared/storetest"
	"passbook/shared/stream/pebblestream"
	"passbook/shared/table"
)

// mortal is the table of a process that is killed when it has made so many writes.
type mortal struct {
	table.Table
	left atomic.Int64
	kill context.CancelFunc
}

var errKilled = errors.New("killed")

func (m *mortal) write(make func() error) error {
	if m.left.Add(-1) < 0 {
		m.kill()
		return errKilled
	}
	return make()
}

// Put implements table.Table.
func (m *mortal) Put(ctx context.Context, p table.Put) error {
	return m.write(func() error { return m.Table.Put(ctx, p) })
}

// PutEach implements table.Table.
func (m *mortal) PutEach(ctx context.Context, puts []table.Put) []error {
	return table.PutApart(ctx, puts, 1, m.Put)
}

// Transact implements table.Table.
func (m *mortal) Transact(ctx context.Context, puts []table.Put) error {
	return m.write(func() error { return m.Table.Transact(ctx, puts) })
}

// Delete implements table.Table.
func (m *mortal) Delete(ctx context.Context, name string, key table.Key, c table.Condition) error {
	return m.write(func() error { return m.Table.Delete(ctx, name, key, c) })
}

// life is a bank that lives through the steps of a test, in one process after the other.
type life struct {
	t        *testing.T
	table    table.Table
	transact bool
	entries  []*event.Entry // that the journal has
	states   map[event.Account]account.State
	writes   atomic.Int64 // of all processes
}

func begin(t *testing.T, transact bool) *life {
	schemas := slices.Concat(journal.Schemas, balance.Schemas, []table.Schema{creditlimit.Schema})
	return &life{t: t, table: storetest.Memory(t, pebblestream.Options{}, schemas...).Table, transact: transact, states: map[event.Account]account.State{}}
}

func (l *life) must(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}

// commit has the journal commit entries.
func (l *life) commit(entries []*event.Entry) {
	l.t.Helper()
	for _, e := range entries {
		s := l.states[e.Account()]
		for _, ev := range e.Events {
			var err error
			s, err = account.Fold(s, ev)
			l.must(err)
		}
		l.states[e.Account()] = s
		l.must(restorer.New(l.table).Restore(l.t.Context(), e, s))
	}
	l.entries = append(l.entries, entries...)
}

// process returns the bank as a new process opens it, which is killed after so many writes.
func (l *life) process(writes int64) (context.Context, Bank) {
	ctx, kill := context.WithCancel(l.t.Context())
	l.t.Cleanup(kill)
	m := &mortal{Table: l.table, kill: kill}
	m.left.Store(writes)
	config, err := platform.FromEnv([]string{"PASSBOOK_DATA=" + l.t.TempDir()})
	l.must(err)
	log := slog.New(slog.DiscardHandler)
	b := Bank{Config: config, Table: m, Journal: journal.NewReader(m), Log: log}
	b.Balance = balance.NewProjector(balance.Config{
		Runtime: consumer.Runtime{Table: m, Log: log, Exclusive: l.transact}, Journal: b.Journal, Store: balance.NewStore(m, 0),
		Now: func() time.Time { return archivetest.Start.Add(time.Hour) },
	})
	return ctx, b
}

// step is a part of a bank's life that is done once more after a kill.
type step func(ctx context.Context, b Bank) error

// follow has the workers of all generations handle entries, as their batch.
func follow(entries []*event.Entry) step {
	return func(ctx context.Context, b Bank) error {
		g, err := readmodel.LoadGenerations(ctx, b.Table, balance.Table)
		if err != nil {
			return err
		}
		for _, generation := range []int64{g.Live, g.Candidate, g.Previous} {
			if generation == 0 || generation == g.Discarding {
				continue
			}
			if err := handle(ctx, b, generation, entries); err != nil {
				return err
			}
		}
		return nil
	}
}

func handle(ctx context.Context, b Bank, generation int64, entries []*event.Entry) error {
	p, err := b.Balance.Projection(ctx, generation)
	if err != nil {
		return err
	}
	h, err := p.Open(ctx, consumer.Shard{Stream: "events", ID: "shardId-000000000000"}, "")
	if err != nil {
		return err
	}
	batch := consumer.Batch{}
	for i, e := range entries {
		batch.Deliveries = append(batch.Deliveries, consumer.Delivery{Sequence: fmt.Sprint(i), PartitionKey: e.Account().String(), Entry: e, Data: []byte("{}")})
	}
	_, err = h.Handle(ctx, batch)
	return errors.Join(err, h.Close())
}

func rebuildStep(ctx context.Context, b Bank) error {
	g, err := readmodel.LoadGenerations(ctx, b.Table, balance.Table)
	if err != nil || g.Previous != 0 {
		return err
	}
	_, err = b.rebuild(ctx, RebuildParams{Model: balance.Table, From: "journal"}, progress.New())
	return err
}

// promoteTo makes a generation live, by comparison or back.
func promoteTo(generation int64, back bool) step {
	return func(ctx context.Context, b Bank) error {
		g, err := readmodel.LoadGenerations(ctx, b.Table, balance.Table)
		if err != nil || g.Live == generation {
			return err
		}
		_, err = b.promote(ctx, PromoteParams{Model: balance.Table, Back: back}, progress.New())
		return err
	}
}

func discardStep(ctx context.Context, b Bank) error {
	g, err := readmodel.LoadGenerations(ctx, b.Table, balance.Table)
	if err != nil || g.Previous == 0 && g.Candidate == 0 && g.Discarding == 0 {
		return err
	}
	_, err = b.discard(ctx, DiscardParams{Model: balance.Table}, progress.New())
	return err
}

// isQuarantined fails unless an account is in quarantine.
func isQuarantined(ctx context.Context, b Bank) error {
	found, err := b.quarantine(ctx, QuarantineParams{}, progress.New())
	if err == nil && len(found) != 1 {
		err = fmt.Errorf("%d accounts are in quarantine", len(found))
	}
	return err
}

func redriveStep(ctx context.Context, b Bank) error {
	_, err := b.redrive(ctx, RedriveParams{All: true}, progress.New())
	return err
}

// refoldStep folds an account again, as an audit with repairs does.
func refoldStep(ctx context.Context, b Bank) error {
	return b.refold(ctx, balance.Table, event.Account{Tenant: "main", ID: "A-1"})
}

// live lives a life in which a process is killed after so many writes, and another one continues.
func (l *life) live(writes int64) {
	l.t.Helper()
	all := archivetest.Bank(5, 2, 10)
	l.commit(all[:4])
	forged := *all[9]
	forged.Prev, forged.Hash, forged.First = event.Hash{1}, event.Hash{2}, l.states[forged.Account()].Version+1
	forged.Last = forged.First
	steps := []struct {
		commits []*event.Entry
		do      step
	}{
		{nil, follow(all[:4])},
		{nil, follow([]*event.Entry{&forged})},
		{nil, isQuarantined},
		{all[4:6], rebuildStep},
		{nil, follow(all[3:6])},
		{nil, promoteTo(2, false)},
		{all[6:8], follow(all[6:8])},
		{nil, promoteTo(1, true)},
		{nil, redriveStep},
		{nil, refoldStep},
		{all[8:9], follow(all[8:9])},
		{nil, promoteTo(2, false)},
		{nil, discardStep},
		{nil, rebuildStep},
		{all[9:], follow(all[9:])},
	}
	ctx, b := l.process(writes)
	for i, s := range steps {
		l.commit(s.commits)
		err := s.do(ctx, b)
		if errors.Is(err, errKilled) || ctx.Err() != nil {
			l.writes.Add(writes)
			ctx, b = l.process(unending)
			err = s.do(ctx, b)
		}
		if err != nil {
			l.t.Fatalf("killed after %d writes, step %d: %v", writes, i, err)
		}
	}
	l.writes.Add(unending - b.Table.(*mortal).left.Load())
}

const unending = 1 << 40

// check fails the test unless the further rows are those that a fold of the journal has, in the
// generations that are left and in no other.
func (l *life) check(writes int64, generations ...int64) {
	l.t.Helper()
	want, got := map[table.Key]table.Map{}, map[table.Key]table.Map{}
	for _, generation := range generations {
		heads := map[event.Account]*event.Entry{}
		for _, e := range l.entries {
			heads[e.Account()] = e
			for _, row := range derived.OfEntry(generation, e) {
				want[row.Key] = row.Attrs
			}
		}
		for a, s := range l.states {
			row, ok := derived.OfState(generation, readmodel.Row[account.State]{Account: a, State: s, AsOf: heads[a].RecordedAt})
			if !ok {
				l.t.Fatalf("%s has no holder", a)
			}
			row.Attrs["version"] = table.N(s.Version)
			want[row.Key] = row.Attrs
		}
	}
	for row, err := range table.ScanRows(l.t.Context(), l.table, table.Scan{Table: derived.Table, Of: 1}) {
		l.must(err)
		if row.SK == "-" {
			continue // the mark of the index, which checkMarks reads
		}
		delete(row.Attrs, "rev") // an interrupted write may have had a higher one
		got[row.Key] = row.Attrs
	}
	for key := range maps.Keys(want) {
		if !reflect.DeepEqual(got[key], want[key]) {
			l.t.Errorf("killed after %d writes: %v is %v, want %v", writes, key, got[key], want[key])
		}
		delete(got, key)
	}
	for key := range got {
		l.t.Errorf("killed after %d writes: %v is no entry's and no account's", writes, key)
	}
	l.checkTotals(writes)
	l.checkMarks(writes, generations)
}

// checkMarks fails the test unless the index of each generation that was rebuilt is complete, and
// the generation that was discarded has no mark.
func (l *life) checkMarks(writes int64, generations []int64) {
	l.t.Helper()
	for generation := int64(1); generation <= 4; generation++ {
		mark, err := derived.LoadMark(l.t.Context(), l.table, generation)
		l.must(err)
		if has := slices.Contains(generations, generation); mark.Known() != has || mark.Off || !mark.From.IsZero() || !mark.HoldersFrom.IsZero() {
			l.t.Errorf("killed after %d writes: the mark of generation %d is %+v", writes, generation, mark)
		}
	}
}

// checkTotals compares the answers about holders with the states that the journal has.
func (l *life) checkTotals(writes int64) {
	l.t.Helper()
	store := balance.NewStore(l.table, 0)
	for a, s := range l.states {
		totals, _, err := store.HolderTotals(l.t.Context(), a.Tenant, s.HolderRef)
		l.must(err)
		want := []balance.Totals{{Currency: "EUR", Accounts: 1, Posted: s.Posted, Held: s.Held, Drawn: max(0, -s.Posted), Limit: s.Limit}}
		if !reflect.DeepEqual(totals, want) {
			l.t.Errorf("killed after %d writes: holder %s has %+v, want %+v", writes, s.HolderRef, totals, want)
		}
	}
}

// A process is killed between any two writes of a life that has everything: it follows the stream,
// quarantines an account, rebuilds, promotes, goes back, redrives, folds an account again, discards
// and rebuilds once more. In the end the index of events and the holders' rows are what a fold of
// the journal makes of them, and no row of a generation that was discarded is left.
func TestDerivedRowsSurviveAKillBetweenAnyTwoWrites(t *testing.T) {
	for _, transact := range []bool{true, false} {
		t.Run(fmt.Sprintf("transact %v", transact), func(t *testing.T) {
			all := killedAfter(t, transact, unending)
			if all < 50 {
				t.Fatalf("a life makes only %d writes", all)
			}
			for writes := range all {
				killedAfter(t, transact, writes)
			}
		})
	}
}

// killedAfter checks the life of a bank in which a process is killed after so many writes. It
// returns how many writes were made.
func killedAfter(t *testing.T, transact bool, writes int64) (made int64) {
	t.Helper()
	t.Run(fmt.Sprint(writes), func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			l := begin(t, transact)
			l.live(writes)
			l.check(writes, 2, 3)
			made = l.writes.Load()
		})
	})
	return made
}
