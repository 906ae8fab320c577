package audit

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"time"

	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/shared/money"
	"passbook/shared/readmodel"
	"passbook/shared/table"
)

// modelRow is an account's live row of a read model.
type modelRow struct {
	model   string
	version int64
	attrs   table.Map
	// matched means that an entry of the journal ends at the row's version. next is when the entry
	// after it was recorded.
	matched bool
	next    time.Time
}

// modelRows reads the account's live rows.
func (a *auditor) modelRows(ctx context.Context, of event.Account) ([]modelRow, error) {
	rows := make([]modelRow, 0, len(a.config.Models))
	for _, model := range a.config.Models {
		raw, err := a.config.Table.Get(ctx, model, readmodel.RowKey(a.live[model], of), true)
		if err != nil && !errors.Is(err, table.ErrNotFound) {
			return nil, fmt.Errorf("read %s of %s: %w", model, of, err)
		}
		attrs := raw.Attrs
		rows = append(rows, modelRow{model: model, version: attrs.Number("version"), attrs: attrs})
	}
	return rows, nil
}

// matchRows compares the rows whose version is that of the entry's end.
func (s *accountAudit) matchRows(e *event.Entry) {
	for i := range s.rows {
		row := &s.rows[i]
		if row.version == e.Last {
			row.matched = true
			s.compareRow(row, e)
		}
		if row.version < e.Last && row.next.IsZero() {
			row.next = e.RecordedAt
		}
	}
}

// compareRow compares a row with the expected state.
func (s *accountAudit) compareRow(row *modelRow, e *event.Entry) {
	s.report.add(row.model, row.attrs.Text("currency"), 0, row.version, row.attrs.Number("posted"))
	before := len(s.findings)
	defer func() {
		if len(s.findings) > before {
			s.wrong = append(s.wrong, row)
		}
	}()
	if row.attrs.Text("hash") != e.Hash.String() {
		s.find(rowWrong, row.model, row.version, "the row was folded from another entry")
	}
	for name, want := range s.figures() {
		value, ok := row.attrs[name]
		if ok && value != table.N(want) {
			s.differs(rowWrong, row.model, row.version, mismatch{name + " does not follow from the journal", fmt.Sprint(want), text(value)})
		}
	}
	for _, name := range []string{"posted", "held", "limit"} {
		if _, ok := row.attrs[name]; !ok {
			s.find(rowWrong, row.model, row.version, "%s is missing", name)
		}
	}
	if row.attrs.Text("currency") != s.currency {
		s.differs(rowWrong, row.model, row.version, mismatch{"the currency is not that of the journal", s.currency, row.attrs.Text("currency")})
	}
	s.checkRowState(row)
}

// figures returns the numbers that rows may show, computed from the ledger.
func (s *accountAudit) figures() map[string]int64 {
	posted, held, limit := s.ledger.after.Posted, s.ledger.after.Held, s.ledger.after.Limit
	available := min(posted-held+limit, money.Max)
	drawn := max(0, -posted)
	reserved := max(0, held-max(0, posted))
	figures := map[string]int64{
		"posted": posted, "held": held, "limit": limit, "available": available,
		"drawn": drawn, "reserved": reserved, "available_credit": min(max(0, available), limit), "over_limit": max(0, -available),
	}
	if limit > 0 {
		figures["utilisation_bps"] = basisPoints(drawn+reserved, limit)
	}
	return figures
}

// basisPoints returns used / limit in ten-thousandths, at most money.Max. The product may not fit
// in 64 bits.
func basisPoints(used, limit int64) int64 {
	high, low := bits.Mul64(uint64(used), 10_000)
	if high >= uint64(limit) {
		return money.Max
	}
	quotient, _ := bits.Div64(high, low, uint64(limit))
	return int64(min(quotient, money.Max))
}

// checkRows reports the rows that are ahead, between versions, behind or in quarantine.
func (s *accountAudit) checkRows() {
	if s.head == nil {
		return // checkOrphanRows reports them
	}
	for i := range s.rows {
		row := &s.rows[i]
		blocked := row.attrs.Number("blocked_at_version")
		switch {
		case blocked != 0:
			s.find(rowBlocked, row.model, blocked, "the row is in quarantine: %s", row.attrs.Text("cause"))
		case row.version > s.ledger.version:
			s.find(rowAhead, row.model, row.version, "the row is ahead of the journal")
			s.behind = append(s.behind, row)
		case row.version > 0 && !row.matched:
			s.find(rowWrong, row.model, row.version, "no entry of the journal ends at the row's version")
			s.wrong = append(s.wrong, row)
		case row.version < s.ledger.version && row.next.After(s.settled):
			s.report.count(&s.report.OnTheWay, 1)
		case row.version < s.ledger.version:
			s.find(rowBehind, row.model, row.version+1, "the row is behind the journal, which is at v%d", s.ledger.version)
			s.behind = append(s.behind, row)
		}
	}
}

// checkOrphanRows reports the live rows of accounts that the journal does not have.
func (a *auditor) checkOrphanRows(ctx context.Context) error {
	for _, model := range a.config.Models {
		for row, err := range table.ScanRows(ctx, a.config.Table, table.Scan{Table: model, Of: 1}) {
			if err != nil {
				return fmt.Errorf("scan %s: %w", model, err)
			}
			err = a.checkOrphanRow(ctx, model, row)
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func (a *auditor) checkOrphanRow(ctx context.Context, model string, raw table.Row) error {
	generation, of, ok := readmodel.ParseRowKey(raw.PK)
	version := raw.Attrs.Number("version")
	if !ok {
		a.report.find(rowUnknown, model, "", 0, "a row has the key %q", raw.PK)
		return nil
	}
	if generation != a.live[model] || !a.audits(of.Tenant) {
		return nil
	}
	page, err := a.config.Table.Query(ctx, table.Query{
		Table: journal.Table, PK: of.String(), From: table.S("E#"), To: table.S("E#~"), Limit: 1, Consistent: true,
	})
	if err != nil {
		return fmt.Errorf("read journal of %s: %w", of, err)
	}
	if len(page.Rows) > 0 || version == 0 && raw.Attrs.Number("blocked_at_version") == 0 {
		return nil
	}
	a.report.find(rowAhead, model, of.String(), version, "a row of an account that the journal does not have")
	if a.config.Repair.CatchUp == nil {
		return nil
	}
	err = a.config.Repair.CatchUp(ctx, model, of)
	if err != nil && !errors.Is(err, readmodel.ErrQuarantined) {
		return fmt.Errorf("project %s into %s: %w", of, model, err)
	}
	return nil
}
