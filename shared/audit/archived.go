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
	"passbook/shared/origin"
	"passbook/shared/segment"
)

// archivedEntry is what is kept of an archived entry. Its content was checked by its hash, and its
// columns by its content.
type archivedEntry struct {
	first, last int64
	hash, prev  event.Hash
	posted      int64
	recorded    time.Time
	// unsigned means that only a chain of hashes shows whether the entry is the bank's, and in
	// where the archive has it. proven means that it is the bank's.
	unsigned, proven bool
	in               *archive.Planned
}

func (e archivedEntry) link() origin.Link {
	return origin.Link{First: e.first, Last: e.last, Hash: e.hash, Prev: e.prev}
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
	take := func(in *archive.Planned, batch []segment.Record) error {
		mu.Lock()
		defer mu.Unlock()
		for _, rec := range batch {
			e := rec.Entry
			of := e.Account()
			unsigned := a.config.Origin.NeedsChain(e)
			if !unsigned {
				err := a.config.Origin.Verify(ctx, e)
				if errors.Is(err, event.ErrForeign) {
					a.report.find(archiveForeign, inArchive, of.String(), e.First, "%v: in %s", err, in.Key)
					continue
				}
				if err != nil {
					return err
				}
			}
			has := found[of]
			if has == nil {
				has = &archivedAccount{currency: e.Currency}
				found[of] = has
			}
			has.entries = append(has.entries, archivedEntry{
				first: e.First, last: e.Last, hash: e.Hash, prev: e.Prev,
				posted: e.Events[len(e.Events)-1].After.Posted, recorded: e.RecordedAt,
				unsigned: unsigned, proven: e.Signed() && a.config.Origin.Complete(), in: in,
			})
		}
		return nil
	}
	damaged := func(_ *archive.Planned, err error) error {
		var entry *segment.EntryError
		switch {
		case errors.As(err, &entry):
			if !a.audits(entry.Tenant) {
				return nil
			}
			of := event.Account{Tenant: entry.Tenant, ID: entry.AccountID}
			a.report.find(archiveDamaged, inArchive, of.String(), entry.First, "%v: %v", entry.Err, entry.Key)
		case !segment.Unusable(err):
			return err
		case a.firstSeen(err):
			a.report.find(archiveDamaged, inArchive, "", 0, "%v", err)
		}
		return nil
	}
	keep := func(tenant, id string) bool { return a.audits(tenant) && archive.Part(tenant, id, parts) == part }
	err := plan.Read(ctx, a.config.Bucket, segment.Exact, keep, take, damaged, a.config.Progress.Add)
	for _, has := range found {
		has.sort()
	}
	return found, err
}

// verifyChain verifies the archive's entries without a mac, and leaves out the foreign ones.
func (s *accountAudit) verifyChain(ctx context.Context) error {
	var unsigned, signed []origin.Link
	for _, e := range s.archived.entries {
		if e.unsigned {
			unsigned = append(unsigned, e.link())
		} else {
			signed = append(signed, e.link())
		}
	}
	verdicts, err := s.config.Origin.VerifyChain(ctx, s.account, unsigned, signed)
	if err != nil {
		return err
	}
	kept := s.archived.entries[:0]
	for _, e := range s.archived.entries {
		if e.unsigned {
			verdict := verdicts[0]
			verdicts = verdicts[1:]
			if errors.Is(verdict, event.ErrForeign) {
				s.find(archiveForeign, inArchive, e.first, "%v: in %s", verdict, e.in.Key)
				continue
			}
			e.proven = verdict == nil
		}
		kept = append(kept, e)
	}
	s.archived.entries = kept
	return nil
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
