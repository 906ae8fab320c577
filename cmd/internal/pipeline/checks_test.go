package pipeline

import (
	"passbook/shared/account"
	"passbook/shared/event"
	"passbook/shared/stream"
)

// entries reads an account's history, and checks that its versions have no gap, that its entries
// chain, and that no key is in it twice.
func (b *bank) entries(a event.Account) (list []*event.Entry) {
	b.t.Helper()
	var next int64 = 1
	var prev event.Hash
	keys := map[string]bool{}
	for e, err := range b.history.Entries(b.t.Context(), a, 1, 0) {
		if err != nil {
			b.t.Fatal(err)
		}
		if e.First != next || e.Prev != prev {
			b.t.Fatalf("%s: an entry at v%d where v%d is next", a.ID, e.First, next)
		}
		for _, c := range e.Commands {
			if keys[c.Key] {
				b.t.Fatalf("%s: %s happened twice", a.ID, c.Key)
			}
			keys[c.Key] = true
		}
		next, prev = e.Last+1, e.Hash
		list = append(list, e)
	}
	return list
}

// state folds an account's history.
func (b *bank) state(a event.Account) (s account.State) {
	b.t.Helper()
	for _, e := range b.entries(a) {
		for _, ev := range e.Events {
			var err error
			if s, err = account.Fold(s, ev); err != nil {
				b.t.Fatal(err)
			}
		}
	}
	return s
}

// published reads the whole stream, and gives the first versions of each account's entries in the
// order of their first occurrence.
func (b *bank) published() map[string][]int64 {
	b.t.Helper()
	firsts := map[string][]int64{}
	seen := map[event.Hash]bool{}
	shards, err := b.raw.Shards(b.t.Context(), events)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, shard := range shards {
		it, err := b.raw.Iterator(b.t.Context(), events, shard.ID, stream.Position{Where: stream.TrimHorizon})
		for more := true; more; {
			if err != nil {
				b.t.Fatal(err)
			}
			var batch stream.Batch
			batch, err = b.raw.Get(b.t.Context(), it, 1000)
			for _, d := range batch.Records {
				e, err := event.DecodeRecord(d.Data)
				if err != nil {
					b.t.Fatal(err)
				}
				if !seen[e.Hash] {
					seen[e.Hash] = true
					firsts[e.AccountID] = append(firsts[e.AccountID], e.First)
				}
			}
			it, more = batch.Next, len(batch.Records) > 0 || batch.Behind > 0
		}
	}
	return firsts
}

// missing returns how many of the accounts' entries are not on the stream.
func (b *bank) missing(accounts ...event.Account) (n int) {
	b.t.Helper()
	published := b.published()
	for _, a := range accounts {
		n += len(b.entries(a)) - len(published[a.ID])
	}
	return n
}

// inOrder checks that the accounts' entries are all on the stream, their first occurrences in
// version order.
func (b *bank) inOrder(accounts ...event.Account) {
	b.t.Helper()
	published := b.published()
	for _, a := range accounts {
		entries := b.entries(a)
		if len(published[a.ID]) != len(entries) {
			b.t.Fatalf("%s: %d entries, %d on the stream", a.ID, len(entries), len(published[a.ID]))
		}
		for i, first := range published[a.ID] {
			if first != entries[i].First {
				b.t.Fatalf("%s: v%d came where v%d was next", a.ID, first, entries[i].First)
			}
		}
	}
}
