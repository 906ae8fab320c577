package audit

import (
	"context"
	"fmt"

	"passbook/shared/event"
	"passbook/shared/stream"
)

// mend puts what is missing of an account where it belongs, as far as the repair was asked for: the entries that the archive lacks
// on the stream, in order, and the rows that lag at the journal's head.
func (s *subject) mend(ctx context.Context) error {
	for _, e := range s.lacking {
		err := s.republish(ctx, e)
		if err != nil {
			return err
		}
	}
	if s.Repair.CatchUp == nil {
		return nil
	}
	for _, model := range s.behind {
		err := s.Repair.CatchUp(ctx, model, s.account)
		if err != nil {
			return fmt.Errorf("project %s into %s: %w", s.account, model, err)
		}
		s.report.count(&s.report.Projected, 1)
	}
	return nil
}

func (s *subject) republish(ctx context.Context, e *event.Entry) error {
	bare := *e
	bare.State, bare.Writer, bare.N = nil, "", 0
	sealed, err := event.Seal(&bare)
	if err != nil {
		return fmt.Errorf("republish %s v%d: %w", s.account, e.First, err)
	}
	results, err := s.Repair.Streams.Put(ctx, s.Repair.Stream, []stream.Record{{PartitionKey: s.account.String(), Data: sealed.Record}})
	if err == nil {
		err = results[0].Err
	}
	if err != nil {
		return fmt.Errorf("republish %s v%d: %w", s.account, e.First, err)
	}
	s.report.count(&s.report.Republished, 1)
	return nil
}
