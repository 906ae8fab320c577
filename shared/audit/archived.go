package audit

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"passbook/shared/archive"
	"passbook/shared/event"
	"passbook/shared/segment"
)

// archivedEntry is what is kept of an archived entry. Its content was checked by its hash, and its
// columns by its content.
type archivedEntry struct {
	first, last int64
	hash, prev  event.Hash
	posted      int64
	recorded    time.Time
}

// archivedAccount is what the archive has of an account, in order of version, without exact
// repeats.
type archivedAccount struct {
	currency string
	entries  []archivedEntry
}

// readArchive reads the archive for the accounts of a part.
func (a *auditor) readArchive(ctx context.Context, plan archive.Plan, part, parts int) (map[event.Account]*archivedAccount, error) {
	found := make(map[event.Account]*archivedAccount)
	var mu sync.Mutex
	take := func(_ *archive.Planned, batch []segment.Record) error {
		mu.Lock()
		defer mu.Unlock()
		for _, rec := range batch {
			e := rec.Entry
			of := e.Account()
			has := found[of]
			if has == nil {
				has = &archivedAccount{currency: e.Currency}
				found[of] = has
			}
			has.entries = append(has.entries, archivedEntry{
				first: e.First, last: e.Last, hash: e.Hash, prev: e.Prev,
				posted: e.Events[len(e.Events)-1].After.Posted, recorded: e.RecordedAt,
			})
		}
		return nil
	}
	damaged := func(_ *archive.Planned, err error) error {
		var entry *segment.EntryError
		switch {
		case errors.As(err, &entry):
			of := event.Account{Tenant: entry.Tenant, ID: entry.AccountID}
			a.report.find(archiveDamaged, inArchive, of.String(), entry.First, "%v: %v", entry.Err, entry.Key)
		case !segment.Unusable(err):
			return err
		case a.firstSeen(err):
			a.report.find(archiveDamaged, inArchive, "", 0, "%v", err)
		}
		return nil
	}
	keep := func(tenant, id string) bool { return archive.Part(tenant, id, parts) == part }
	err := plan.Read(ctx, a.config.Bucket, segment.Exact, keep, take, damaged, a.config.Progress.Add)
	for _, has := range found {
		has.sort()
	}
	return found, err
}

// firstSeen reports whether damage was not found in an earlier part already.
func (a *auditor) firstSeen(damage error) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	known := a.damage[damage.Error()]
	a.damage[damage.Error()] = true
	return !known
}

func (has *archivedAccount) sort() {
	slices.SortFunc(has.entries, func(a, b archivedEntry) int {
		return cmp.Or(cmp.Compare(a.first, b.first), cmp.Compare(a.last, b.last), slices.Compare(a.hash[:], b.hash[:]))
	})
	has.entries = slices.CompactFunc(has.entries, func(a, b archivedEntry) bool { return a.hash == b.hash })
}

// addTotals adds the account to the archive's totals.
func (has *archivedAccount) addTotals(r *Report) {
	var events int64
	for _, e := range has.entries {
		events += e.last - e.first + 1
	}
	r.add(inArchive, has.currency, int64(len(has.entries)), events, has.entries[len(has.entries)-1].posted)
}
