package audit

import (
	"context"
	"errors"
	"fmt"

	"passbook/shared/journal"
	"passbook/shared/table"
)

// beyond is a row that speaks of a version after the head that was read: a commit since then
// explains it, and nothing else does.
type beyond struct {
	version, reaches int64
	what             string
}

// readPages holds the pages of keys against the entries.
func (s *subject) readPages(ctx context.Context) error {
	var late []beyond
	const what = "the page of keys is not what the entries make it"
	err := s.partition(ctx, "K#", func(version int64, row table.Row) {
		end := version + pageSpan - 1
		switch {
		case s.standing.blind || s.pages.fits(version, row):
		case (version-1)%pageSpan == 0 && end > s.standing.version:
			late = append(late, beyond{version, end, what})
		default:
			s.find(journalDamaged, inJournal, version, what)
		}
	})
	if err != nil {
		return err
	}
	return s.judgeLate(ctx, late)
}

// readGuards holds the guards against the reversals.
func (s *subject) readGuards(ctx context.Context) error {
	var late []beyond
	guards := map[int64]bool{}
	const what = "there is a guard and no reversal"
	err := s.partition(ctx, "R#", func(version int64, row table.Row) {
		guards[version] = true
		by := row.Attrs.Number("reversed_by")
		switch {
		case s.standing.blind || s.standing.reversed[version]:
		case by > s.standing.version:
			late = append(late, beyond{version, by, what})
		default:
			s.find(journalDamaged, inJournal, version, what)
		}
	})
	if err != nil {
		return err
	}
	for version := range s.standing.reversed {
		if guards[version] {
			continue
		}
		err = s.lacksGuard(ctx, version)
		if err != nil {
			return err
		}
	}
	return s.judgeLate(ctx, late)
}

// lacksGuard names a guard that is missing, once it has been looked for by its own key.
func (s *subject) lacksGuard(ctx context.Context, version int64) error {
	_, err := s.Table.Get(ctx, journal.Table, table.Key{PK: s.account.String(), SK: fmt.Sprintf("R#%012d", version)}, true)
	if errors.Is(err, table.ErrNotFound) {
		s.find(guardLacks, inJournal, version, "it was reversed and has no guard")
		return nil
	}
	if err != nil {
		return fmt.Errorf("read guard v%d of %s: %w", version, s.account, err)
	}
	return nil
}

// judgeLate names the rows that the journal has not reached even now.
func (s *subject) judgeLate(ctx context.Context, late []beyond) error {
	if len(late) == 0 {
		return nil
	}
	page, err := s.Table.Query(ctx, table.Query{
		Table: journal.Table, PK: s.account.String(), From: table.S("E#"), To: table.S("E#~"), Desc: true, Limit: 1, Consistent: true,
	})
	if err != nil {
		return fmt.Errorf("read head of %s: %w", s.account, err)
	}
	head := s.standing.version
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
