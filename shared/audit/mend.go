package audit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"passbook/shared/backoff"
	"passbook/shared/consumer"
	"passbook/shared/event"
	"passbook/shared/stream"
)

// mend puts what is missing of an account where it belongs, as far as the repair was asked for: the entries that the archive lacks
// on the stream, in order, and the rows that lag at the journal's head. A row that cannot go on is a finding of its account, and no
// reason to leave the others unaudited.
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
	for _, row := range s.behind {
		err := s.Repair.CatchUp(ctx, row.model, s.account)
		if errors.Is(err, consumer.ErrBlocked) {
			s.find(row.model, row.version+1, "the row cannot be folded on: %v", err)
			continue
		}
		if err != nil {
			return fmt.Errorf("project %s into %s: %w", s.account, row.model, err)
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
	err = s.put(ctx, stream.Record{PartitionKey: s.account.String(), Data: sealed.Record})
	if err != nil {
		return fmt.Errorf("republish %s v%d: %w", s.account, e.First, err)
	}
	s.report.count(&s.report.Republished, 1)
	return nil
}

// The waits before a record that was refused is put again: the first, and what doubling them ends at.
const (
	refusedFirst = 50 * time.Millisecond
	refusedMost  = 2 * time.Second
	// callsMost bounds the calls in a row that fail as a whole, otherwise than by a throttle.
	callsMost = 8
)

// put puts a record, as often as it is refused, until ctx ends.
func (s *subject) put(ctx context.Context, record stream.Record) error {
	wait := backoff.Backoff{First: refusedFirst, Most: refusedMost}
	for failed := 0; ; {
		results, err := s.Repair.Streams.Put(ctx, s.Repair.Stream, []stream.Record{record})
		if err == nil && results[0].Err == nil {
			return nil
		}
		if err != nil && !errors.Is(err, stream.ErrThrottled) {
			failed++
		}
		if failed == callsMost || errors.Is(err, stream.ErrNotFound) || errors.Is(err, stream.ErrInvalid) {
			return err
		}
		if err := wait.Pause(ctx); err != nil {
			return err
		}
	}
}
