package audit

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/shared/table"
)

// subject is one account under audit.
type subject struct {
	*auditor
	account event.Account
	has     *archivedAccount
	// rows are the live rows of the read models, read before the journal: none may be ahead of it.
	rows []modelRow

	standing *standing
	pages    keyPages
	hash     event.Hash
	currency string
	entries  int64
	matched  int            // entries of has that were met in the journal
	lacking  []*event.Entry // entries that the archive lacks
	head     *event.Entry   // the journal's last
	named    bool           // what is missing before the next entry was named already
	behind   []*modelRow    // rows that lag, or are ahead
	wrong    []*modelRow    // rows that are not what the journal makes them
	findings []Finding
}

// account audits one account. has is nil when the archive has nothing of it.
func (a *auditor) account(ctx context.Context, of event.Account, has *archivedAccount) error {
	if has == nil {
		has = &archivedAccount{}
	}
	s := &subject{auditor: a, account: of, has: has, standing: newStanding()}
	defer func() { a.report.keep(s.findings...) }()
	var err error
	s.rows, err = a.modelRows(ctx, of)
	if err != nil {
		return err
	}
	err = s.readJournal(ctx)
	if err != nil {
		return err
	}
	if s.entries > 0 {
		a.report.add(inJournal, s.currency, s.entries, s.standing.version, s.standing.after.Posted)
	}
	if len(has.entries) > 0 {
		has.total(a.report)
	}
	s.judgeArchive()
	s.judgeRows()
	return s.mend(ctx)
}

func (s *subject) find(do Advice, where string, version int64, format string, args ...any) {
	s.findings = append(s.findings, finding(do, where, s.account.String(), version, format, args...))
}

// readJournal walks the account's partition: entries in version order, then the pages of keys and
// the guards of reversals.
func (s *subject) readJournal(ctx context.Context) error {
	err := s.partition(ctx, "E#", func(version int64, row table.Row) {
		e, err := journal.ParseRow(row)
		if err != nil {
			s.find(journalDamaged, inJournal, version, "%v", err)
			s.named = true
			return
		}
		s.entry(e)
	})
	if err != nil {
		return err
	}
	if s.standing.version >= (s.pages.index+1)*pageSpan {
		s.pages.turn()
	}
	err = s.readPages(ctx)
	if err != nil {
		return err
	}
	return s.readGuards(ctx)
}

// partition visits the rows of the account whose sort keys begin with a prefix, in order.
func (s *subject) partition(ctx context.Context, prefix string, visit func(version int64, row table.Row)) error {
	q := table.Query{
		Table: journal.Table, PK: s.account.String(), From: table.S(prefix), To: table.S(prefix + "~"), Consistent: true,
	}
	for row, err := range table.Rows(ctx, s.Table, q) {
		if err != nil {
			return fmt.Errorf("read journal of %s: %w", s.account, err)
		}
		version, err := strconv.ParseInt(strings.TrimPrefix(row.SK, prefix), 10, 64)
		if err != nil {
			s.find(rowStrange, inJournal, 0, "a row has the key %q", row.SK)
			continue
		}
		visit(version, row)
	}
	return nil
}

// entry proves an entry of the journal from those before it, and looks for it in the archive and
// under the rows.
func (s *subject) entry(e *event.Entry) {
	switch {
	case e.First != s.standing.version+1:
		s.gap(e)
	case e.Prev != s.hash:
		s.find(journalDamaged, inJournal, e.First, "prev is not the hash of the entry before")
	case s.head != nil && e.RecordedAt.Before(s.head.RecordedAt):
		s.find(journalDamaged, inJournal, e.First, "recorded before the entry before it")
	case s.currency != "" && s.currency != e.Currency:
		s.find(journalDamaged, inJournal, e.First, "the currency is another than before")
	}
	for _, ev := range e.Events {
		wrong := s.standing.add(ev)
		if wrong != "" {
			s.find(journalDamaged, inJournal, ev.Version, "%s", wrong)
		}
	}
	s.hash, s.head, s.currency = e.Hash, e, e.Currency
	if e.State != nil {
		wrong := s.standing.judge(e.State, s.currency)
		if wrong != "" {
			s.find(stateWrong, inJournal, e.Last, "%s", wrong)
		}
	}
	s.entries++
	s.pages.add(e)
	s.meetArchive(e)
	s.meetRows(e)
}

// gap names what is missing before an entry, as far as the archive knows it. Sums are not judged
// after it.
func (s *subject) gap(e *event.Entry) {
	for s.matched < len(s.has.entries) && s.has.entries[s.matched].last < e.First && s.has.entries[s.matched].first > s.standing.version {
		there := s.has.entries[s.matched]
		s.matched++
		if !s.named {
			s.find(journalLacks, inJournal, there.first, "missing up to v%d; the archive has it", there.last)
		}
		s.standing.version = there.last
	}
	if e.First != s.standing.version+1 && !s.named {
		s.find(journalDamaged, inJournal, s.standing.version+1, "the next entry is v%d", e.First)
	}
	s.named = false
	s.standing.blind = true
}

// meetArchive looks for an entry of the journal in the archive, whose entries come in the same
// order.
func (s *subject) meetArchive(e *event.Entry) {
	met := false
	for s.matched < len(s.has.entries) && s.has.entries[s.matched].first <= e.First {
		there := s.has.entries[s.matched]
		s.matched++
		switch {
		case there.hash == e.Hash:
			met = true
		default:
			s.find(archiveForged, inArchive, there.first, "an entry that the journal does not have")
		}
	}
	switch {
	case met:
	case s.onTheWay(e):
		s.report.count(&s.report.OnTheWay, 1)
	default:
		s.find(archiveLacks, inArchive, e.First, "missing up to v%d", e.Last)
		if s.Repair.Streams != nil {
			s.lacking = append(s.lacking, e)
		}
	}
}

// judgeArchive names what the archive has beyond the journal's end. What does not follow the
// journal by its hash was never a part of it, and is no reason to restore anything.
func (s *subject) judgeArchive() {
	end, hash := s.standing.version, s.hash
	for _, there := range s.has.entries[s.matched:] {
		switch {
		case there.first <= s.standing.version:
			s.find(archiveForged, inArchive, there.first, "an entry that the journal does not have")
		case there.first == end+1 && there.prev == hash && !s.standing.blind:
			s.find(journalLacks, inJournal, there.first, "missing up to v%d; the archive has it", there.last)
			end, hash = there.last, there.hash
		case s.entries == 0 || s.standing.blind || there.first > end+1:
			s.find(journalLacks, inJournal, there.first, "missing up to v%d; the archive has it", there.last)
		default:
			s.find(archiveForged, inArchive, there.first, "an entry that does not follow what the journal has before it")
		}
	}
}
