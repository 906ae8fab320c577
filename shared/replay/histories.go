package replay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"

	"passbook/shared/archive"
	"passbook/shared/bucket"
	"passbook/shared/event"
	"passbook/shared/origin"
	"passbook/shared/progress"
	"passbook/shared/replay/spill"
	"passbook/shared/segment"
)

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

// recordBytes is about how many bytes an event takes while the entries are sorted by account.
const recordBytes = 320

// accountReader reads whole accounts from the archive.
type accountReader struct {
	bucket bucket.Bucket
	plan   archive.Plan
	// origin shows which entries are the bank's; no other one is in a history.
	origin *origin.Proof
	// only is the account to read; the zero Account means all.
	only event.Account
	// tenant, if not empty, is the only one whose accounts are read. Faults of others are not
	// reported.
	tenant string
	// accounts, if not nil, are the only accounts to read.
	accounts map[event.Account]bool
	// accountEvents is about how many events those accounts have.
	accountEvents int64
	// listed, if not nil, lists accounts that are visited also if the archive has nothing of them.
	listed iter.Seq2[event.Account, error]
	// limits are where the entries are sorted by account, and with how much memory.
	limits spill.Limits
	// held says that the entries of a part are in memory together, and not only until their
	// account's visit ends.
	held bool
	// progress counts the events that are read, and those that are visited.
	progress *progress.Tracker
	// damage collects what is damaged, and missing then.
	damage *damage
	// reread collects the accounts that have to be read again from the whole archive; nil if all of
	// it is read.
	reread map[event.Account]bool
	mu     sync.Mutex // guards reread
	// damagedPlan is the plan with what was found damaged as gaps.
	damagedPlan archive.Plan
}

// gaps returns the gaps of the plan and those found by reading.
func (w *accountReader) gaps() []archive.Gap { return w.damage.addTo(w.plan).Gaps }

// parts returns into how many parts the accounts are divided, so that one of them fits in memory.
func (w *accountReader) parts() int {
	if w.only != (event.Account{}) {
		return 1
	}
	events := w.plan.Events
	if w.accounts != nil {
		events = w.accountEvents
	}
	if w.held {
		events *= heldTimes
	}
	return w.limits.Parts(events * recordBytes)
}

// heldTimes is about how many times more an event takes that is decoded.
const heldTimes = 4

// selects reports whether an account is read.
func (w *accountReader) selects(a event.Account) bool {
	return w.reads(a.Tenant) && (w.only == event.Account{} || w.only == a) && (w.accounts == nil || w.accounts[a])
}

// sort reads the archive once, and sorts the entries of the parts from one on by their accounts.
func (w *accountReader) sort(ctx context.Context, from int) (*sortedEntries, error) {
	s := &sortedEntries{reader: w, at: map[*archive.Planned]int{}, Sorter: spill.NewSorter(w.limits, w.parts())}
	for i := range w.plan.Segments {
		s.at[&w.plan.Segments[i]] = i
	}
	keep := func(tenant, id string) bool {
		return w.selects(event.Account{Tenant: tenant, ID: id}) && (from == 0 || archive.Part(tenant, id, s.Parts()) >= from)
	}
	w.progress.Begin("read the archive", "events", w.plan.Events)
	err := w.plan.Read(ctx, w.bucket, segment.Exact, keep, s.add, w.damaged, w.progress.Add)
	if err == nil && w.listed != nil {
		err = s.addListed(keep)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	w.damagedPlan = w.damage.addTo(w.plan)
	return s, nil
}

// damaged notes what is damaged, but for entries of accounts that are not read.
func (w *accountReader) damaged(in *archive.Planned, err error) error {
	var entry *segment.EntryError
	if errors.As(err, &entry) && !w.reads(entry.Tenant) {
		return nil
	}
	return w.damage.add(in, err)
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
