package audit

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/shared/journal/rowkey"
	"passbook/shared/table"
)

// accountAudit audits one account.
type accountAudit struct {
	*auditor
	account  event.Account
	archived *archivedAccount
	// rows are the live rows of the read models, read before the journal: none may be ahead of it.
	rows []modelRow

	ledger      *ledger
	pages       keyPages
	hash        event.Hash
	currency    string
	entries     int64
	matched     int            // entries of archived that were found in the journal
	missing     []*event.Entry // entries that the archive lacks
	head        *event.Entry   // the journal's last
	gapReported bool           // what is missing before the next entry was already reported
	unsigned    *event.Entry   // the first without a mac of which nothing shows yet that it is the bank's
	behind      []*modelRow    // rows that lag, or are ahead
	wrong       []*modelRow    // rows that are not what the journal makes them
	findings    []Finding
}

// account audits one account, of which the archive has something or nothing.
func (a *auditor) account(ctx context.Context, of event.Account, has *archivedAccount) error {
	s := &accountAudit{auditor: a, account: of, archived: has, ledger: newLedger()}
	defer func() { a.report.keep(s.findings...) }()
	var err error
	s.rows, err = a.modelRows(ctx, of)
	if err != nil {
		return err
	}
	err = s.verifyChain(ctx)
	if err != nil {
		return err
	}
	err = s.readJournal(ctx)
	if err != nil {
		return err
	}
	if s.entries > 0 {
		a.report.add(inJournal, s.currency, s.entries, s.ledger.version, s.ledger.after.Posted)
	}
	if len(has.entries) > 0 {
		has.addTotals(a.report)
	}
	err = s.checkHead(ctx, s.checkArchiveEnd())
	if err != nil {
		return err
	}
	s.checkRows()
	return s.repair(ctx)
}

func (s *accountAudit) find(do Advice, where string, version int64, format string, args ...any) {
	s.findings = append(s.findings, finding(do, where, s.account.String(), version, format, args...))
}

// readJournal reads the account's partition: entries in version order, then the pages of keys,
// their filters, and the guards of reversals.
func (s *accountAudit) readJournal(ctx context.Context) error {
	var failed error
	err := s.partition(ctx, "E#", func(version int64, row table.Row) {
		e, err := rowkey.Parse(row)
		if err != nil {
			s.find(journalDamaged, inJournal, version, "%v", err)
			s.gapReported = true
			return
		}
		foreign, err := s.checkOrigin(ctx, e)
		failed = errors.Join(failed, err)
		s.entry(e, foreign)
	})
	err = errors.Join(err, failed)
	if err != nil {
		return err
	}
	if s.unsigned != nil {
		s.find(journalUnsigned, inJournal, s.unsigned.First, "an entry without a mac, from after the bank was switched to macs, that no later entry follows")
	}
	if s.ledger.version >= (s.pages.index+1)*pageSpan {
		s.pages.closePage()
	}
	err = s.readPages(ctx)
	if err != nil {
		return err
	}
	err = s.readFilters(ctx)
	if err != nil {
		return err
	}
	return s.readGuards(ctx)
}

// partition visits the account's rows whose sort keys begin with a prefix, in order.
func (s *accountAudit) partition(ctx context.Context, prefix string, visit func(version int64, row table.Row)) error {
	q := table.Query{
		Table: journal.Table, PK: s.account.String(), From: table.S(prefix), To: table.S(prefix + "~"), Consistent: true,
	}
	for row, err := range table.Rows(ctx, s.config.Table, q) {
		if err != nil {
			return fmt.Errorf("read journal of %s: %w", s.account, err)
		}
		version, err := strconv.ParseInt(strings.TrimPrefix(row.SK, prefix), 10, 64)
		if err != nil {
			s.find(rowUnknown, inJournal, 0, "a row has the key %q", row.SK)
			continue
		}
		visit(version, row)
	}
	return nil
}

// entry checks an entry of the journal against those before it, and compares it with the archive
// and the rows.
func (s *accountAudit) entry(e *event.Entry, foreign bool) {
	switch {
	case e.First != s.ledger.version+1:
		s.gap(e)
	case e.Prev != s.hash:
		s.find(journalDamaged, inJournal, e.First, "prev is not the hash of the entry before")
	case s.head != nil && e.RecordedAt.Before(s.head.RecordedAt):
		s.find(journalDamaged, inJournal, e.First, "recorded before the entry before it")
	case s.currency != "" && s.currency != e.Currency:
		s.find(journalDamaged, inJournal, e.First, "the currency is not that of the entries before")
	}
	for _, ev := range e.Events {
		wrong := s.ledger.add(ev)
		if wrong != "" {
			s.find(journalDamaged, inJournal, ev.Version, "%s", wrong)
		}
	}
	s.hash, s.head, s.currency = e.Hash, e, e.Currency
	if e.State != nil {
		wrong := s.ledger.checkState(e.State, s.currency)
		if wrong.what != "" {
			s.differs(stateWrong, inJournal, e.Last, wrong)
		}
	}
	s.entries++
	s.pages.add(e)
	s.matchArchive(e, foreign)
	s.matchRows(e)
}

// gap reports what is missing before an entry, as far as the archive has it. Sums are not checked
// after a gap.
func (s *accountAudit) gap(e *event.Entry) {
	for s.matched < len(s.archived.entries) && s.archived.entries[s.matched].last < e.First && s.archived.entries[s.matched].first > s.ledger.version {
		stored := s.archived.entries[s.matched]
		s.matched++
		if !s.gapReported {
			s.findMissing(stored)
		}
		s.ledger.version = stored.last
	}
	if e.First != s.ledger.version+1 && !s.gapReported {
		s.find(journalDamaged, inJournal, s.ledger.version+1, "the next entry is v%d", e.First)
	}
	s.gapReported = false
	s.ledger.gapSeen = true
}

// matchArchive looks for an entry of the journal in the archive, whose entries come in the same
// order. A foreign entry is never put on the stream.
func (s *accountAudit) matchArchive(e *event.Entry, foreign bool) {
	found := false
	for s.matched < len(s.archived.entries) && s.archived.entries[s.matched].first <= e.First {
		stored := s.archived.entries[s.matched]
		s.matched++
		switch {
		case stored.hash == e.Hash:
			found = true
		default:
			s.find(archiveForged, inArchive, stored.first, "an entry that the journal does not have")
		}
	}
	switch {
	case found:
	case s.onTheWay(e):
		s.report.count(&s.report.OnTheWay, 1)
	default:
		s.find(archiveMissing, inArchive, e.First, "missing up to v%d", e.Last)
		if s.config.Repair.Streams != nil && !foreign {
			s.missing = append(s.missing, e)
		}
	}
}

// checkArchiveEnd reports what the archive has beyond the journal's end. An entry that does not
// follow the journal by its hash was never a part of it, and is no reason to restore anything. It
// returns the last version that journal and archive have together.
func (s *accountAudit) checkArchiveEnd() (end int64) {
	end = s.ledger.version
	hash := s.hash
	for _, stored := range s.archived.entries[s.matched:] {
		switch {
		case stored.first <= s.ledger.version:
			s.find(archiveForged, inArchive, stored.first, "an entry that the journal does not have")
		case stored.first == end+1 && stored.prev == hash && !s.ledger.gapSeen:
			s.findMissing(stored)
			end, hash = stored.last, stored.hash
		case s.entries == 0 || s.ledger.gapSeen || stored.first > end+1:
			s.findMissing(stored)
			end = max(end, stored.last)
		default:
			s.find(archiveForged, inArchive, stored.first, "an entry that does not follow what the journal has before it")
		}
	}
	return end
}

// findMissing reports an entry that the archive has and the journal lacks.
func (s *accountAudit) findMissing(stored archivedEntry) {
	advice := journalMissing
	if stored.proven {
		advice = journalLost
	}
	s.find(advice, inJournal, stored.first, "missing up to v%d; the archive has it", stored.last)
}
