package replay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"passbook/shared/archive"
	"passbook/shared/bucket"
	"passbook/shared/event"
	"passbook/shared/journal"
)

// passEvents is how many events a pass holds in memory, about: some 1 KB each.
const passEvents = 250_000

// history is everything that the archive has of one account, in version order, exact repeats dropped.
type history struct {
	account journal.Account
	entries []*event.Entry
}

// whole gives the entries that follow one another from version 1 on, and what is wrong after them; "" when nothing follows.
func (h history) whole() (good []*event.Entry, version int64, wrong string) {
	var hash event.Hash
	version = 1
	for i, e := range h.entries {
		switch {
		case i+1 < len(h.entries) && h.entries[i+1].First <= e.Last:
			return h.entries[:i], e.First, "the archive has two entries of this version"
		case e.First > version:
			return h.entries[:i], version, fmt.Sprintf("the archive has a gap up to v%d", e.First-1)
		case e.Prev != hash:
			return h.entries[:i], version, "the entry does not follow the one before it: prev is not its hash"
		}
		version, hash = e.Last+1, e.Hash
	}
	return h.entries, version, ""
}

// walk reads whole accounts out of the archive.
type walk struct {
	bucket bucket.Bucket
	plan   archive.Plan
	depth  archive.Depth
	// only is the account to read; the zero one is all.
	only journal.Account
	// atOnce is how many histories are visited at the same time.
	atOnce int
	// perPass is about how many events a pass holds; 0 is passEvents.
	perPass int64
	// events counts what is read, in all passes together.
	events *step
	// faults takes the entries whose rows are damaged, which are then missing; nil ends the walk at the first one.
	faults *collector
}

// passes is how often the archive is read, so that each time a part of the accounts fits in memory.
func (w walk) passes() int {
	if w.only != (journal.Account{}) {
		return 1
	}
	return w.plan.Parts(cmp.Or(w.perPass, passEvents))
}

// pass visits every account of one pass, each once and whole.
func (w walk) pass(ctx context.Context, pass int, visit func(context.Context, history) error) error {
	passes := w.passes()
	keep := func(tenant, id string) bool { return archive.Part(tenant, id, passes) == pass }
	if w.only != (journal.Account{}) {
		keep = func(tenant, id string) bool { return tenant == w.only.Tenant && id == w.only.ID }
	}
	found, err := w.gather(ctx, keep)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(max(1, w.atOnce))
	for a, entries := range found {
		if ctx.Err() != nil {
			break
		}
		delete(found, a)
		group.Go(func() error { return visit(ctx, history{a, inOrder(entries)}) })
	}
	return group.Wait()
}

// gather reads the archive and keeps the entries of the accounts asked for.
func (w walk) gather(ctx context.Context, keep func(tenant, id string) bool) (map[journal.Account][]*event.Entry, error) {
	found := make(map[journal.Account][]*event.Entry)
	var mu sync.Mutex
	take := func(batch []archive.Record) error {
		mu.Lock()
		defer mu.Unlock()
		for _, rec := range batch {
			a := journal.Account{Tenant: rec.Entry.Tenant, ID: rec.Entry.AccountID}
			found[a] = append(found[a], rec.Entry)
		}
		return nil
	}
	err := w.plan.Read(ctx, w.bucket, w.depth, keep, take, w.damaged, w.events.add)
	return found, err
}

// damaged names a damaged entry and goes on; what is damaged as a whole ends the walk.
func (w walk) damaged(err error) error {
	var entry *archive.EntryError
	if w.faults == nil || !errors.As(err, &entry) {
		return err
	}
	w.faults.add(journal.Account{Tenant: entry.Tenant, ID: entry.AccountID}, entry.First, "the archive's entry is damaged: %v: %v", entry.Err, entry.Key)
	return nil
}

// inOrder sorts by version and drops exact repeats.
func inOrder(entries []*event.Entry) []*event.Entry {
	slices.SortFunc(entries, func(a, b *event.Entry) int {
		return cmp.Or(cmp.Compare(a.First, b.First), cmp.Compare(a.Last, b.Last), slices.Compare(a.Hash[:], b.Hash[:]))
	})
	return slices.CompactFunc(entries, func(a, b *event.Entry) bool { return a.Hash == b.Hash })
}
