package audit

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"passbook/shared/event"
	"passbook/shared/publisher"
	"passbook/shared/readmodel"
	"passbook/shared/stream"
)

// repair puts what is missing of an account where it belongs, as far as Repair is configured:
// entries that the archive lacks on the stream, in order, and rows that are behind or wrong at the
// journal's head. A row that is ahead of the journal goes into quarantine, since only a person
// knows which of the two is right. A row that cannot be folded is a finding of its account, and the
// others are audited nevertheless.
func (s *accountAudit) repair(ctx context.Context) error {
	for _, e := range s.missing {
		err := s.republish(ctx, e)
		if err != nil {
			return err
		}
		s.markRepaired(inArchive, e.First)
	}
	for _, row := range s.wrong {
		err := s.repairRow(ctx, row, s.config.Repair.Refold)
		if err != nil {
			return err
		}
	}
	for _, row := range s.behind {
		if slices.Contains(s.wrong, row) && s.config.Repair.Refold != nil {
			continue
		}
		err := s.repairRow(ctx, row, s.config.Repair.CatchUp)
		if err != nil {
			return err
		}
	}
	return nil
}

// repairRow folds a row again with one of the functions of Repair.
func (s *accountAudit) repairRow(ctx context.Context, row *modelRow, fold func(context.Context, string, event.Account) error) error {
	if fold == nil || row.attrs.Number("blocked_at_version") != 0 {
		return nil
	}
	err := fold(ctx, row.model, s.account)
	switch {
	// expected, until a person has decided
	case errors.Is(err, readmodel.ErrQuarantined) && row.version > s.ledger.version:
		return nil
	case errors.Is(err, readmodel.ErrQuarantined):
		s.find(rowBlocked, row.model, row.version+1, "the row cannot be folded further: %v", err)
		return nil
	case err != nil:
		return fmt.Errorf("project %s into %s: %w", s.account, row.model, err)
	}
	s.report.count(&s.report.Projected, 1)
	s.markRepaired(row.model, 0)
	return nil
}

// markRepaired marks the findings at a version of a source; 0 means at any version.
func (s *accountAudit) markRepaired(where string, version int64) {
	for i := range s.findings {
		if f := &s.findings[i]; f.Where == where && (version == 0 || f.Version == version) {
			f.Repaired = true
		}
	}
}

func (s *accountAudit) republish(ctx context.Context, e *event.Entry) error {
	_, sealed, err := e.Published()
	if err != nil {
		return fmt.Errorf("republish %s v%d: %w", s.account, e.First, err)
	}
	sender := publisher.Sender{Streams: s.config.Repair.Streams, Stream: s.config.Repair.Stream, Compress: s.config.Repair.Compress}
	err = sender.Send(ctx, stream.Record{PartitionKey: s.account.String(), Data: sealed.Record})
	if err != nil {
		return fmt.Errorf("republish %s v%d: %w", s.account, e.First, err)
	}
	s.report.count(&s.report.Republished, 1)
	return nil
}
