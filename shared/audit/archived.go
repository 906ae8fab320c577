package audit

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"passbook/shared/archive"
	"passbook/shared/event"
	"passbook/shared/origin"
	"passbook/shared/readmodel"
	"passbook/shared/replay/spill"
	"passbook/shared/segment"
)

// archivedEntry is what is kept of an archived entry. Its content was checked by its hash, and its
// columns by its content.
type archivedEntry struct {
	first, last int64
	hash, prev  event.Hash
	currency    string
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
	entries []archivedEntry
	// events are those of all entries, with repeats.
	events int64
}

// recordBytes is about how many bytes an event takes while the entries are sorted by account.
const recordBytes = 120

// archivedAccounts has what the archive has of each account, and the accounts that the journal
// lists. A listed account has an empty record.
type archivedAccounts struct {
	*spill.Sorter
	*auditor
	plan   archive.Plan
	at     map[*archive.Planned]int // the index of each segment in the plan
	events atomic.Int64
}

// readArchive reads the archive, and sorts its entries by account.
func (a *auditor) readArchive(ctx context.Context, plan archive.Plan) (*archivedAccounts, error) {
	s := &archivedAccounts{auditor: a, plan: plan, at: map[*archive.Planned]int{}}
	s.Sorter = spill.NewSorter(a.config.Limits, a.config.Limits.Parts(plan.Events*recordBytes))
	for i := range plan.Segments {
		s.at[&plan.Segments[i]] = i
	}
	a.config.Progress.Begin("read the archive", "events", plan.Events)
	take := func(in *archive.Planned, batch []segment.Record) error {
		for _, rec := range batch {
			err := s.add(ctx, in, rec.Entry)
			if err != nil {
				return err
			}
		}
		return nil
	}
	keep := func(tenant, _ string) bool { return a.audits(tenant) }
	err := plan.Read(ctx, a.config.Bucket, segment.Exact, keep, take, s.damaged, a.config.Progress.Add)
	if err == nil {
		err = s.addListed(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// add adds an entry, unless it is foreign, which it reports.
func (s *archivedAccounts) add(ctx context.Context, in *archive.Planned, e *event.Entry) error {
	of, unsigned := e.Account(), s.config.Origin.NeedsChain(e)
	if !unsigned {
		err := s.config.Origin.Verify(ctx, e)
		if errors.Is(err, event.ErrForeign) {
			s.report.find(archiveForeign, inArchive, of.String(), e.First, "%v: in %s", err, in.Key)
			return nil
		}
		if err != nil {
			return err
		}
	}
	s.events.Add(int64(len(e.Events)))
	return s.Add(of, appendArchived(nil, archivedEntry{
		first: e.First, last: e.Last, hash: e.Hash, prev: e.Prev, currency: e.Currency,
		posted: e.Events[len(e.Events)-1].After.Posted, recorded: e.RecordedAt,
		unsigned: unsigned, proven: e.Signed() && s.config.Origin.Complete(),
	}, s.at[in]))
}

// addListed adds the accounts that the journal lists.
func (s *archivedAccounts) addListed(ctx context.Context) error {
	for of, err := range readmodel.AllAccounts(ctx, s.config.Accounts) {
		if err == nil && s.audits(of.Tenant) {
			err = s.Add(of, nil)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// damaged reports what is damaged.
func (s *archivedAccounts) damaged(_ *archive.Planned, err error) error {
	var entry *segment.EntryError
	switch {
	case errors.As(err, &entry):
		if s.audits(entry.Tenant) {
			of := event.Account{Tenant: entry.Tenant, ID: entry.AccountID}
			s.report.find(archiveDamaged, inArchive, of.String(), entry.First, "%v: %v", entry.Err, entry.Key)
		}
	case !segment.Unusable(err):
		return err
	default:
		s.report.find(archiveDamaged, inArchive, "", 0, "%v", err)
	}
	return nil
}

// account returns what the archive has of an account.
func (s *archivedAccounts) account(records [][]byte) (*archivedAccount, error) {
	has := &archivedAccount{}
	for _, record := range records {
		if len(record) == 0 {
			continue
		}
		e, at, err := parseArchived(record)
		if err != nil || at >= len(s.plan.Segments) {
			return nil, errors.Join(err, errors.New("a sorted entry cannot be read"))
		}
		e.in = &s.plan.Segments[at]
		has.entries, has.events = append(has.entries, e), has.events+e.last-e.first+1
	}
	has.sort()
	return has, nil
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
	last := has.entries[len(has.entries)-1]
	r.add(inArchive, last.currency, int64(len(has.entries)), events, last.posted)
}
