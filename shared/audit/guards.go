package audit

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"passbook/shared/journal"
	"passbook/shared/journal/keyindex"
	"passbook/shared/table"
)

// pendingRow is a row about a version after the head that was read. A commit since then explains
// it, and nothing else does.
type pendingRow struct {
	version, reaches int64
	what             string
}

// readPages compares the pages of keys with the entries.
func (s *accountAudit) readPages(ctx context.Context) error {
	var late []pendingRow
	const what = "the page of keys does not match the entries"
	err := s.partition(ctx, "K#", func(version int64, row table.Row) {
		end := version + pageSpan - 1
		switch {
		case s.ledger.gapSeen || s.pages.fits(version, row):
		case (version-1)%pageSpan == 0 && end > s.ledger.version:
			late = append(late, pendingRow{version, end, what})
		default:
			s.find(journalDamaged, inJournal, version, what)
		}
	})
	if err != nil {
		return err
	}
	return s.checkPending(ctx, late)
}

// readFilters compares the filters of keys with their pages.
func (s *accountAudit) readFilters(ctx context.Context) error {
	const span = keyindex.FilterPages * pageSpan
	if s.ledger.gapSeen {
		return nil
	}
	var failed error
	var late []pendingRow
	const what = "the filter of keys does not match its pages"
	err := s.partition(ctx, "F#", func(version int64, row table.Row) {
		fits, err := s.filterFits(ctx, version/span, row)
		failed = errors.Join(failed, err)
		switch end := version + span - 1; {
		case err != nil:
		case !fits:
			s.find(journalDamaged, inJournal, version, what)
		case end > s.ledger.version:
			late = append(late, pendingRow{version, end, what})
		}
	})
	if err := errors.Join(err, failed); err != nil {
		return err
	}
	return s.checkPending(ctx, late)
}

// filterFits reports whether a row is the filter of that number, with all keys of its pages. They
// are stored before it.
func (s *accountAudit) filterFits(ctx context.Context, number int64, row table.Row) (bool, error) {
	f, err := keyindex.ParseFilter(row, number)
	if err != nil || row.Key != keyindex.FilterKey(s.account, number) {
		return false, nil
	}
	first, pages := number*keyindex.FilterPages, 0
	q := table.Query{
		Table: journal.Table, PK: s.account.String(), Consistent: true,
		From: table.S(keyindex.PageKey(s.account, first).SK), To: table.S(keyindex.PageKey(s.account, first+keyindex.FilterPages-1).SK),
	}
	for row, err := range table.Rows(ctx, s.config.Table, q) {
		if err != nil {
			return false, fmt.Errorf("read key pages of %s: %w", s.account, err)
		}
		version, err := strconv.ParseInt(strings.TrimPrefix(row.SK, "K#"), 10, 64)
		if err != nil {
			return false, nil // readPages has reported it
		}
		p, err := keyindex.ParsePage(row, version/pageSpan)
		if err != nil || !f.Agrees(p) {
			return false, nil
		}
		pages++
	}
	return pages == f.Pages(), nil
}

// readGuards compares the guards with the reversals.
func (s *accountAudit) readGuards(ctx context.Context) error {
	var late []pendingRow
	guards := map[int64]bool{}
	const what = "the guard has no reversal"
	err := s.partition(ctx, "R#", func(version int64, row table.Row) {
		guards[version] = true
		by := row.Attrs.Number("reversed_by")
		switch {
		case s.ledger.gapSeen || s.ledger.reversed[version]:
		case by > s.ledger.version:
			late = append(late, pendingRow{version, by, what})
		default:
			s.find(journalDamaged, inJournal, version, what)
		}
	})
	if err != nil {
		return err
	}
	for version := range s.ledger.reversed {
		if guards[version] {
			continue
		}
		err = s.checkGuard(ctx, version)
		if err != nil {
			return err
		}
	}
	return s.checkPending(ctx, late)
}

// checkGuard reports a missing guard, after it was looked for by its own key.
func (s *accountAudit) checkGuard(ctx context.Context, version int64) error {
	_, err := s.config.Table.Get(ctx, journal.Table, table.Key{PK: s.account.String(), SK: fmt.Sprintf("R#%012d", version)}, true)
	if errors.Is(err, table.ErrNotFound) {
		s.find(guardMissing, inJournal, version, "the reversal has no guard")
		return nil
	}
	if err != nil {
		return fmt.Errorf("read guard v%d of %s: %w", version, s.account, err)
	}
	return nil
}

// checkPending reports the rows that the journal has not reached even now.
func (s *accountAudit) checkPending(ctx context.Context, late []pendingRow) error {
	if len(late) == 0 {
		return nil
	}
	page, err := s.config.Table.Query(ctx, table.Query{
		Table: journal.Table, PK: s.account.String(), From: table.S("E#"), To: table.S("E#~"), Desc: true, Limit: 1, Consistent: true,
	})
	if err != nil {
		return fmt.Errorf("read head of %s: %w", s.account, err)
	}
	head := s.ledger.version
	if len(page.Rows) > 0 {
		head = page.Rows[0].Attrs.Number("last")
	}
	for _, row := range late {
		if row.reaches > head {
			s.find(journalDamaged, inJournal, row.version, "%s", row.what)
		}
	}
	return nil
}
