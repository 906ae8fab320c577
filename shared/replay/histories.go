package replay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"passbook/shared/archive"
	"passbook/shared/bucket"
	"passbook/shared/event"
	"passbook/shared/origin"
	"passbook/shared/progress"
	"passbook/shared/segment"
)

// defaultPassEvents is about how many events a pass keeps in memory, about 1 KB each.
const defaultPassEvents = 250_000

// history is everything that the archive has of one account, in version order, without exact
// repeats.
type history struct {
	account event.Account
	entries []*event.Entry
	// later are entries of a later incarnation of the stream with versions that are in entries.
	later []archivedEntry
	// last is where the archive has the last of entries.
	last archive.Position
}

// archivedEntry is an entry, and where the archive has it.
type archivedEntry struct {
	*event.Entry
	in      *archive.Planned
	arrived time.Time
}

// verified returns the entries that follow one another from version 1 on, and what is wrong with
// the next one; "" if nothing is.
func (h history) verified() (good []*event.Entry, version int64, wrong string) {
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

// accountReader reads whole accounts from the archive.
type accountReader struct {
	bucket bucket.Bucket
	plan   archive.Plan
	// origin shows which entries are the bank's; no other one is in a history.
	origin *origin.Proof
	depth  segment.Depth
	// only is the account to read; the zero Account means all.
	only event.Account
	// tenant, if not empty, is the only one whose accounts are read. Faults of others are not
	// reported.
	tenant string
	// accounts, if not nil, are the only accounts to read.
	accounts map[event.Account]bool
	// accountEvents is about how many events those accounts have.
	accountEvents int64
	// concurrency is how many histories are visited at the same time.
	concurrency int
	// perPass is about how many events a pass keeps; 0 means defaultPassEvents.
	perPass int64
	// progress counts the events that are read, in all passes together.
	progress *progress.Tracker
	// damage collects what is damaged, and missing then.
	damage *damage
	// reread collects the accounts that have to be read again from the whole archive; nil if all of
	// it is read.
	reread map[event.Account]bool
	mu     sync.Mutex // guards unread
	// damagedPlan is the plan with what was found damaged as gaps.
	damagedPlan archive.Plan
}

// gaps returns the gaps of the plan and those found by reading.
func (w *accountReader) gaps() []archive.Gap { return w.damage.addTo(w.plan).Gaps }

// passes returns how often the archive is read, so that each time a part of the accounts fits in
// memory.
func (w *accountReader) passes() int {
	if w.only != (event.Account{}) {
		return 1
	}
	p := w.plan
	if w.accounts != nil {
		p.Events = w.accountEvents
	}
	return p.Parts(cmp.Or(w.perPass, defaultPassEvents))
}

// readPass visits every account of one pass, each once and complete.
func (w *accountReader) readPass(ctx context.Context, pass int, visit func(context.Context, history) error) error {
	passes := w.passes()
	keep := func(tenant, id string) bool {
		return w.reads(tenant) && archive.Part(tenant, id, passes) == pass
	}
	if w.only != (event.Account{}) {
		keep = func(tenant, id string) bool { return tenant == w.only.Tenant && id == w.only.ID }
	}
	if w.accounts != nil {
		keep = func(tenant, id string) bool {
			return w.accounts[event.Account{Tenant: tenant, ID: id}] && archive.Part(tenant, id, passes) == pass
		}
	}
	found, err := w.readEntries(ctx, keep)
	if err != nil {
		return err
	}
	w.damagedPlan = w.damage.addTo(w.plan)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(max(1, w.concurrency))
	for _, a := range inOrder(found) {
		if ctx.Err() != nil {
			break
		}
		entries := found[a]
		delete(found, a)
		group.Go(func() error {
			own, err := w.own(ctx, a, entries)
			if err != nil || len(own) == 0 {
				return err
			}
			return visit(ctx, newHistory(a, own))
		})
	}
	return group.Wait()
}

// readEntries reads the archive and keeps the entries of the accounts that keep selects.
func (w *accountReader) readEntries(ctx context.Context, keep func(tenant, id string) bool) (map[event.Account][]archivedEntry, error) {
	found := make(map[event.Account][]archivedEntry)
	var mu sync.Mutex
	take := func(in *archive.Planned, batch []segment.Record) error {
		mu.Lock()
		defer mu.Unlock()
		for _, rec := range batch {
			a := rec.Entry.Account()
			found[a] = append(found[a], archivedEntry{rec.Entry, in, rec.Arrived})
		}
		return nil
	}
	damaged := func(in *archive.Planned, err error) error {
		var entry *segment.EntryError
		if errors.As(err, &entry) && !w.reads(entry.Tenant) {
			return nil
		}
		return w.damage.add(in, err)
	}
	err := w.plan.Read(ctx, w.bucket, w.depth, keep, take, damaged, w.progress.Add)
	return found, err
}

// reads reports whether the accounts of a tenant are read.
func (w *accountReader) reads(tenant string) bool { return w.tenant == "" || w.tenant == tenant }

// readAgain notes an account to be read again, and reports whether it will be: if only a part of
// the archive is read, what seems to be missing may be in the rest.
func (w *accountReader) readAgain(a event.Account) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.reread != nil {
		w.reread[a] = true
	}
	return w.reread != nil
}

// endProven reports whether a history ends where the account does. If a gap of the archive may
// contain more of it, that becomes a fault.
func (w *accountReader) endProven(h history) bool {
	if len(h.entries) == 0 {
		return true
	}
	return w.endProvenAfter(h.account, h.entries[len(h.entries)-1].Last, h.last)
}

// endProvenAfter reports what endProven does, of a history that ends with a version at a position.
func (w *accountReader) endProvenAfter(a event.Account, end int64, last archive.Position) bool {
	if w.damage.lastDamaged(a) > end { // already reported
		return false
	}
	g, doubted := w.damagedPlan.GapAfter(last)
	if doubted {
		w.damage.entries.add(a, end+1, "entries after v%d may be lost: %s", end, g)
	}
	return !doubted
}

// newHistory sorts an account's entries by version and drops exact repeats, of which it keeps the
// oldest.
func newHistory(a event.Account, all []archivedEntry) history {
	slices.SortFunc(all, func(a, b archivedEntry) int {
		return cmp.Or(cmp.Compare(a.First, b.First), cmp.Compare(a.Last, b.Last), slices.Compare(a.Hash[:], b.Hash[:]),
			a.in.Name.Created.Compare(b.in.Name.Created), a.arrived.Compare(b.arrived))
	})
	all = slices.CompactFunc(all, func(a, b archivedEntry) bool { return a.Hash == b.Hash })
	kept, later := withoutForks(all)
	h := history{account: a, entries: make([]*event.Entry, 0, len(kept)), later: later}
	for _, e := range kept {
		h.entries = append(h.entries, e.Entry)
		h.last = archive.Position{Source: e.in.Name.Source, Arrived: e.arrived}
	}
	return h
}

// supersededAt reports whether an entry of a later incarnation was left out at a version.
func (h history) supersededAt(version int64) bool {
	return slices.ContainsFunc(h.later, func(e archivedEntry) bool { return e.First <= version && version <= e.Last })
}

// reportLater reports the entries of a later incarnation that were left out: all, or those that
// asked selects. Of an account that is read again they are reported then.
func (w *accountReader) reportLater(h history, asked func(*event.Entry) bool) {
	w.mu.Lock()
	again := w.reread[h.account]
	w.mu.Unlock()
	if again {
		return
	}
	for _, e := range h.later {
		if asked == nil || asked(e.Entry) {
			w.damage.entries.add(h.account, e.First, "left out, since an older incarnation of the stream has another history: the entry in %s", e.in.Key)
		}
	}
}
