package sim

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"passbook/balance"
	"passbook/creditlimit"
	"passbook/shared/account"
	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/shared/readmodel"
	"passbook/shared/stream"
)

// judge compares what clients were told with what the stores have. It reads the stores without the
// faults of the ports.
type judge struct {
	run     *run
	entries map[event.Account][]*event.Entry
	hashes  map[event.Hash]*event.Entry
}

// accounts returns all accounts that clients used, in order.
func (j *judge) accounts() []event.Account {
	return slices.SortedFunc(maps.Keys(j.entries), func(a, b event.Account) int { return strings.Compare(a.ID, b.ID) })
}

// read reads the journal: versions without a gap, entries that chain, balances that add up.
func (j *judge) read() {
	j.entries, j.hashes = map[event.Account][]*event.Entry{}, map[event.Hash]*event.Entry{}
	reader := journal.NewReader(j.run.disk.rows)
	used := map[event.Account]bool{}
	for a, commands := range j.run.ledger.sent {
		used[a] = true
		for _, c := range commands {
			if c.transfer != nil {
				used[c.transfer.To] = true
			}
		}
	}
	counters := map[string]event.Hash{}
	for a := range used {
		var state account.State
		var next, prev = int64(1), event.Hash{}
		for e, err := range reader.Entries(context.Background(), a, 1, 0) {
			if err != nil {
				j.run.fail("read the journal of %s: %v", a.ID, err)
				break
			}
			if e.First != next || e.Prev != prev {
				j.run.fail("%s: an entry begins at v%d where v%d is next, or does not chain", a.ID, e.First, next)
			}
			for _, ev := range e.Events {
				if state, err = account.Fold(state, ev); err != nil {
					j.run.fail("%s v%d does not fold: %v", a.ID, ev.Version, err)
				}
			}
			counter := fmt.Sprint(e.Writer, "/", e.N)
			if other, taken := counters[counter]; taken {
				j.run.fail("%s v%d has the counter %s of another entry, %v", a.ID, e.First, counter, other)
			}
			counters[counter] = e.Hash
			next, prev = e.Last+1, e.Hash
			j.entries[a] = append(j.entries[a], e)
			j.hashes[e.Hash] = e
		}
		if head, err := reader.Head(context.Background(), a); err != nil || head.State.Version != next-1 || head.State.Posted != state.Posted || head.State.Held != state.Held {
			j.run.fail("%s: the newest entry has the state %+v, %v, and the events fold to %+v", a.ID, head.State, err, state)
		}
	}
}

// missing returns what does not have all entries of the journal yet, "" if nothing.
func (j *judge) missing() string {
	published := j.published()
	for _, a := range j.accounts() {
		for _, e := range j.entries[a] {
			if _, ok := published[e.Hash]; !ok {
				return fmt.Sprintf("%s v%d is not on the stream", a.ID, e.First)
			}
		}
		last := j.entries[a][len(j.entries[a])-1].Last
		for _, model := range []string{balance.Table, creditlimit.Table} {
			row, err := j.run.disk.rows.Get(context.Background(), model, readmodel.RowKey(1, a), true)
			if err != nil || row.Attrs.Number("version") != last {
				return fmt.Sprintf("the row of %s in %s is at v%d, %v, and the journal at v%d", a.ID, model, row.Attrs.Number("version"), err, last)
			}
		}
	}
	return ""
}

// published returns how often each entry is on the stream.
func (j *judge) published() map[event.Hash]int {
	times := map[event.Hash]int{}
	ctx, streams := context.Background(), j.run.disk.streams
	shards, err := streams.Shards(ctx, events)
	if err != nil {
		j.run.fail("list the shards: %v", err)
	}
	for _, shard := range shards {
		it, err := streams.Iterator(ctx, events, shard.ID, stream.Position{Where: stream.TrimHorizon})
		for more := err == nil; more; {
			var batch stream.Batch
			if batch, err = streams.Get(ctx, it, 1000); err != nil {
				j.run.fail("read shard %s: %v", shard.ID, err)
				break
			}
			for _, d := range batch.Records {
				e, err := event.DecodeRecord(d.Data)
				if err != nil {
					j.run.fail("a record on the stream: %v", err)
					continue
				}
				times[e.Hash]++
			}
			it, more = batch.Next, len(batch.Records) > 0 || batch.Behind > 0
		}
	}
	return times
}

// judge compares all there is.
func (j *judge) judge() {
	j.read()
	j.answers()
	for hash := range j.published() {
		if j.hashes[hash] == nil {
			j.run.fail("the stream has an entry that the journal does not have")
		}
	}
	j.balances()
	j.archive()
	j.table()
	j.log()
}

// answers checks that every command that was acknowledged happened once, as its client was told.
func (j *judge) answers() {
	type place struct {
		entry   *event.Entry
		command event.Command
	}
	places := map[event.Account]map[string][]place{}
	for a, list := range j.entries {
		places[a] = map[string][]place{}
		for _, e := range list {
			for _, c := range e.Commands {
				if c.Key != "" {
					places[a][c.Key] = append(places[a][c.Key], place{e, c})
				}
			}
		}
		for key, at := range places[a] {
			if len(at) > 1 {
				j.run.fail("%s: command %s happened %d times, at v%d and v%d", a.ID, key, len(at), at[0].command.First, at[1].command.First)
			}
			if j.run.ledger.sent[a][key] == nil {
				j.run.fail("%s: nobody sent %s", a.ID, key)
			}
		}
	}
	for a, commands := range j.run.ledger.sent {
		for key, c := range commands {
			for _, receipt := range c.receipts {
				at := places[a][key]
				switch {
				case receipt.Entry == nil:
				case len(at) == 0:
					j.run.fail("%s: %s was acknowledged at v%d and is not in the journal", a.ID, key, receipt.Command.First)
				case at[0].entry.Hash != receipt.Entry.Hash || at[0].command != receipt.Command:
					j.run.fail("%s: %s was acknowledged at v%d and happened at v%d, or as something else", a.ID, key, receipt.Command.First, at[0].command.First)
				}
			}
		}
	}
}

// balances checks that the rows are what the journal folds to, and that no account is in
// quarantine.
func (j *judge) balances() {
	ctx := context.Background()
	balances, limits := balance.NewStore(j.run.disk.rows, 0), creditlimit.NewStore(j.run.disk.rows, 0)
	for _, a := range j.accounts() {
		var state account.State
		for _, e := range j.entries[a] {
			for _, ev := range e.Events {
				state, _ = account.Fold(state, ev)
			}
		}
		b, err := balances.Get(ctx, a)
		if err != nil || b.Version != state.Version || b.State.Posted != state.Posted || b.State.Held != state.Held || b.QuarantinedAt != 0 {
			j.run.fail("%s: the balance has v%d, %d and %d held, %s, %v; the journal v%d, %d and %d", a.ID, b.Version, b.State.Posted, b.State.Held, b.Cause, err, state.Version, state.Posted, state.Held)
		}
		l, err := limits.Get(ctx, a)
		if err != nil || l.Version != state.Version || l.State.Posted != state.Posted || l.State.Held != state.Held || l.QuarantinedAt != 0 {
			j.run.fail("%s: the line of credit has v%d, %d and %d held, %s, %v; the journal v%d, %d and %d", a.ID, l.Version, l.State.Posted, l.State.Held, l.Cause, err, state.Version, state.Posted, state.Held)
		}
	}
}
