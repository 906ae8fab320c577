package feed

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"passbook/shared/archive"
	"passbook/shared/consumer"
	"passbook/shared/event"
	"passbook/shared/segment"
	"passbook/shared/stream"
)

const (
	// maxHistories is how many feeds read the archive at once: each has a segment in memory.
	maxHistories = 8
	// planDeadline bounds the reading of all footers, segmentDeadline that of a segment.
	planDeadline    = 5 * time.Minute
	segmentDeadline = 2 * time.Minute
)

// readHistory sends what the archive has after the connection's position, and notes up to when it
// is complete. It returns errHistory if the archive does not have all of it.
func (s *connection) readHistory(ctx context.Context) error {
	if s.feed.config.Bucket == nil {
		return fmt.Errorf("%w: this process reads no archive", errHistory)
	}
	select {
	case s.feed.histories <- struct{}{}:
		defer func() { <-s.feed.histories }()
	default:
		return errBusy
	}
	segments, err := s.planHistory(ctx)
	if err != nil {
		return err
	}
	if err := s.begin(); err != nil {
		return err
	}
	for _, planned := range segments {
		if err := s.readSegment(ctx, planned); err != nil {
			return err
		}
	}
	s.unbegun = s.position.history
	return s.wire.flush(s.cursorNow())
}

// planHistory returns the segments that have records after the position, in the order in which they
// arrived. Of those that it leaves out because of their time the position says that they were
// delivered.
func (s *connection) planHistory(ctx context.Context) ([]archive.Planned, error) {
	ctx, cancel := context.WithTimeout(ctx, planDeadline)
	defer cancel()
	// Checkpoints first: what the archiver had sealed by then is in the plan.
	checkpoints, err := consumer.Checkpoints(ctx, s.feed.config.Table, s.feed.config.Stream, s.feed.config.Archiver)
	if err != nil {
		return nil, fmt.Errorf("read how far the archive is: %w", err)
	}
	plan, err := archive.LoadPlan(ctx, s.feed.config.Bucket)
	if err != nil {
		return nil, fmt.Errorf("list the archive: %w", err)
	}
	wanted := s.wantedSources()
	for _, g := range plan.Gaps {
		if wanted(g.Source) && !s.delivered(g.Source, g.Last) && (s.position.since.IsZero() || g.Until > s.position.since.UnixMicro()) {
			return nil, fmt.Errorf("%w: %s", errHistory, g)
		}
	}
	var segments []archive.Planned
	order := map[string]int64{}
	latest := map[segment.Source]int64{}
	for _, p := range plan.Segments {
		source := p.Name.Source
		// arrival times are approximate, the chain is not
		latest[source] = max(latest[source], p.Footer.Arrived.From)
		order[p.Key] = latest[source]
		if wanted(source) && !s.delivered(source, p.Footer.Last) {
			segments = append(segments, p)
		}
	}
	slices.SortStableFunc(segments, func(a, b archive.Planned) int { return cmp.Compare(order[a.Key], order[b.Key]) })
	s.archived, s.ends = checkpoints, map[segment.Source]archive.End{}
	for _, e := range plan.Ends {
		s.ends[e.Source] = e
	}
	return segments, nil
}

// wantedSources returns whether events of a source may be missing: it is not known, or was not
// delivered to its end.
func (s *connection) wantedSources() func(segment.Source) bool {
	var created time.Time
	for source := range s.position.places {
		if source.Created.After(created) {
			created = source.Created
		}
	}
	newest, all := s.newest(created), s.position.history
	return func(source segment.Source) bool {
		if at, known := s.position.places[source]; known {
			return !at.ended
		}
		return all || source.Created.After(created) || source.Created.Equal(created) && source.Shard > newest
	}
}

// delivered reports whether a source was delivered up to a sequence number.
func (s *connection) delivered(source segment.Source, sequence string) bool {
	at := s.position.places[source]
	return at.sequence != "" && sequence != "" && stream.CompareSequence(at.sequence, sequence) >= 0
}

// readSegment sends the records of a segment.
func (s *connection) readSegment(ctx context.Context, planned archive.Planned) error {
	source := planned.Name.Source
	if s.position.since.IsZero() || planned.Footer.Arrived.To >= s.position.since.Add(-clockMargin).UnixMicro() {
		opening, cancel := context.WithTimeout(ctx, segmentDeadline)
		defer cancel()
		opened, err := segment.Open(opening, s.feed.config.Bucket, planned.Key)
		if err != nil {
			return historyError(err)
		}
		for r, err := range opened.RecordsOf(segment.Exact, s.keeps) {
			if err != nil {
				return historyError(err)
			}
			if err := s.takeArchived(ctx, source, r); err != nil {
				return err
			}
		}
	}
	s.position.places[source] = place{sequence: planned.Footer.Last}
	return nil
}

// historyError returns errHistory of a segment that cannot be used, and any other error as it is.
func historyError(err error) error {
	if segment.Unusable(err) {
		return fmt.Errorf("%w: %w", errHistory, err)
	}
	return err
}

// keeps reports whether the filter may select events of an account.
func (s *connection) keeps(tenant, account string) bool {
	return tenant == s.tenant && (s.account == "" || account == s.account)
}

// takeArchived sends an archived record that was not delivered yet, unless the bank did not make
// it.
func (s *connection) takeArchived(ctx context.Context, source segment.Source, r segment.Record) error {
	if err := s.pulse(); err != nil {
		return err
	}
	if s.delivered(source, r.Sequence) {
		return nil
	}
	var foreign error
	if origin := s.feed.config.Origin; origin != nil {
		foreign = origin.Check(ctx, r.Entry)
	}
	switch {
	case errors.Is(foreign, event.ErrForeign):
	case foreign != nil:
		return fmt.Errorf("check %s v%d: %w", r.Entry.Account(), r.Entry.First, foreign)
	default:
		if err := s.deliver(ctx, r.Entry); err != nil {
			return err
		}
	}
	s.position.places[source] = place{sequence: r.Sequence}
	if s.wire.full {
		return s.wire.flush(s.cursorNow())
	}
	return nil
}

// pulse does, between two archived records, what is due: it ends the feed of a server that stops,
// sends a heartbeat, and asks again who the caller is.
func (s *connection) pulse() error {
	if s.server.Draining().Err() != nil {
		return errDraining
	}
	now := time.Now()
	if now.Sub(s.beaten) < heartbeatEvery {
		return nil
	}
	s.beaten = now
	if now.Sub(s.identified) >= identifyEvery {
		s.identified = now
		if err := s.identify(); err != nil {
			return fmt.Errorf("%w: %w", errIdentify, err)
		}
	}
	return s.wire.heartbeat(now, s.feed.source(), s.cursorNow())
}

// archivedUpTo returns a time up to which the archive has everything of a shard that was delivered
// from it, zero if that is not known.
func (s *connection) archivedUpTo(source segment.Source) time.Time {
	c, ok := s.archived[source.Shard]
	if !ok || !c.Created.Equal(source.Created) || c.Sequence == "" || !s.delivered(source, c.Sequence) {
		return time.Time{}
	}
	return c.CaughtUp
}

// archivedWhole reports whether all of a source that the stream does not list any more was
// delivered from the archive: nothing can follow in one of an earlier stream, nor in one that was
// archived to its end.
func (s *connection) archivedWhole(source segment.Source, current bool) bool {
	end, there := s.ends[source]
	c := s.archived[source.Shard]
	ended := !current || end.Ended || c.Ended && c.Created.Equal(source.Created)
	return s.resumed && ended && (!there || s.delivered(source, end.Last))
}
