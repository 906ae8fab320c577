package archiver

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"passbook/shared/bucket"
	"passbook/shared/consumer"
	"passbook/shared/event"
	"passbook/shared/segment"
	"passbook/shared/stream"
	"passbook/shared/telemetry/trace"
)

// errAdopted makes the shard begin again after the end of a segment that another archiver made.
var errAdopted = errors.New("archiver: a shorter segment of another archiver was adopted")

// shard is the consumer.Handler of one shard.
type shard struct {
	archiver *Archiver
	source   segment.Source
	// link is the end of the chain in the bucket; end is its footer as it was found at the start.
	link segment.Link
	end  segment.Footer
	// chainEnd is what end markers record of link.
	chainEnd chainEnd
	// cuts are where lost segments are made again.
	cuts lostSegments
	// segment is what follows link.
	segment *segment.Writer
	span    *trace.Segment
	// read is the last sequence number that was read, saved the last one that was returned as a
	// checkpoint.
	read, saved string
	// beyond is the proof that link ends where the stream has not come to.
	beyond beyondTip
	// since is when the oldest event of segment arrived, in microseconds since 1970; 0 for none.
	since atomic.Int64

	mu     sync.Mutex
	flush  chan struct{} // closed when a requested flush is done
	armed  bool          // the flush was requested before the current batch was read
	closed bool
}

func (s *shard) begin(link segment.Link) {
	s.link = link
	s.beginIn(s.archiver.config.Format())
}

// beginIn begins the segment after link in a format.
func (s *shard) beginIn(format int) {
	s.segment = segment.NewWriter(format, s.archiver.config.Bank, s.source, s.link)
	s.span = s.archiver.config.Tracer.Segment(s.archiver.config.Bank, s.source.String(), s.link.Last)
}

// formatFor returns the format of a segment that begins with a record: the one that is written now,
// or that of the lost segment that is made again. Only the second has room for a mac.
func (s *shard) formatFor(d *consumer.Delivery) int {
	format := s.archiver.config.Format()
	if lost, ok := s.cuts.containing(d.Sequence); ok {
		format = lost.Name.Format
	}
	if d.Entry.Signed() {
		format = max(format, 2)
	}
	return min(format, segment.Format)
}

// endsBefore reports whether the segment ends before a record: where a lost segment ended, at
// midnight, so that a date in a key is that of all records, and where the format changes.
func (s *shard) endsBefore(d *consumer.Delivery) bool {
	last := s.segment.Last()
	switch {
	case s.segment.Empty():
		return false
	case s.cuts.at(last, d.Sequence):
		return true
	case d.Entry != nil && d.Entry.Signed() && s.segment.Format() < 2: // has no room for its mac
		return true
	case d.Entry != nil && s.segment.Format() > 1 && !sameDay(s.segment.Arrived(), d.Arrived):
		return true
	case d.Entry == nil || s.cuts.within(last):
		return false
	}
	return !sameDay(s.segment.Arrived(), d.Arrived) || s.segment.Format() != s.formatFor(d)
}

func sameDay(a, b time.Time) bool {
	const day = 24 * time.Hour
	return a.UTC().Truncate(day).Equal(b.UTC().Truncate(day))
}

// next begins the segment after one that is now in the bucket.
func (s *shard) next(link segment.Link) {
	s.begin(link)
	s.beyond = beyondTip{}
	s.archiver.archiveFaults.passed(s.source, link.Last)
}

// Handle appends a batch, seals segments that are due, and returns how far the shard is durable.
func (s *shard) Handle(ctx context.Context, b consumer.Batch) (string, error) {
	for i := range b.Deliveries {
		d := &b.Deliveries[i]
		if stream.CompareSequence(d.Sequence, s.read) <= 0 {
			continue
		}
		if s.endsBefore(d) {
			err := s.seal(ctx)
			if err != nil {
				return "", err
			}
		}
		err := s.append(d)
		if err != nil {
			return "", err
		}
		s.read = d.Sequence
		if s.full() {
			err = s.seal(ctx)
			if err != nil {
				return "", err
			}
		}
	}
	if err := s.checkTip(b); err != nil {
		return "", err
	}
	flush := b.Behind == 0 && s.flushDue()
	if !s.segment.Empty() && (b.Ended || flush || s.old(b) && !(b.Behind > 0 && s.cuts.within(s.segment.Last()))) {
		err := s.seal(ctx)
		if err != nil {
			return "", err
		}
	}
	s.noteOpen()
	s.writeMarker(ctx, flush, b.Ended)
	s.finishFlush(flush)
	return s.checkpoint(b.Ended), nil
}

// append adds a record to the segment, unless the bucket has it.
func (s *shard) append(d *consumer.Delivery) error {
	if d.Entry == nil {
		return s.skip(d)
	}
	if stream.CompareSequence(d.Sequence, s.link.Last) <= 0 {
		if d.Sequence == s.end.First && d.Entry.Hash != s.end.FirstHash {
			return s.diverged(s.link.Key)
		}
		s.beyond.passed = true
		return nil
	}
	if format := s.formatFor(d); s.segment.Empty() && s.segment.Format() != format {
		s.beginIn(format)
	}
	err := s.segment.Append(segment.Record{Sequence: d.Sequence, Arrived: d.Arrived, Entry: d.Entry})
	if err != nil {
		return fmt.Errorf("archiver: %s: %w", s.source, err)
	}
	s.span.Add(d.Entry.Hash, d.Arrived)
	return nil
}

// skip passes over a record without an entry; the other consumers keep its bytes in quarantine. An
// entry of a newer format is an error instead: this program must be upgraded first.
func (s *shard) skip(d *consumer.Delivery) error {
	var newer *event.FormatError
	if errors.As(d.Err, &newer) {
		return fmt.Errorf("archiver: %s sequence %s: %w", s.source, d.Sequence, d.Err)
	}
	s.archiver.stats.skipped.Add(1)
	s.archiver.config.Log.Warn("the record has no entry and is not archived", "shard", s.source.String(), "sequence", d.Sequence, "error", d.Err)
	if !s.segment.Empty() {
		s.segment.Skip(d.Sequence)
	}
	return nil
}

func (s *shard) full() bool {
	return s.segment.Rows() >= s.archiver.config.SegmentRows || (!s.segment.Empty() && s.segment.Size() >= s.archiver.config.SegmentBytes)
}

// old judges the segment's age by the stream's time at the end of the batch, so that a reader with
// a backlog does not seal at every batch.
func (s *shard) old(b consumer.Batch) bool {
	return s.archiver.config.Now().Add(-b.Behind).Sub(s.segment.Arrived()) >= s.archiver.config.SegmentAge
}

// checkpoint returns the last sequence number up to which everything read is in the bucket; "" if
// that has not changed. It stays where it is until everything is read that the last segment claims
// to have: see beyondTip.
func (s *shard) checkpoint(ended bool) string {
	durable := s.link.Last
	if s.beyond.passed && stream.CompareSequence(s.read, durable) < 0 {
		return ""
	}
	if ended || stream.CompareSequence(s.read, durable) < 0 {
		durable = s.read
	}
	if durable == s.saved {
		return ""
	}
	s.saved = durable
	return durable
}

// seal uploads the segment. After an unknown outcome the shard begins again, and finds in the
// bucket whether the segment is there.
func (s *shard) seal(ctx context.Context) error {
	sealed, err := s.segment.Seal()
	if err != nil {
		return fmt.Errorf("archiver: %s: %w", s.source, err)
	}
	err = withKeepAlive(ctx, maxTransfer(int64(len(sealed.Data))), func(ctx context.Context) error {
		return s.archiver.config.Bucket.Create(ctx, sealed.Key, sealed.Data)
	})
	if errors.Is(err, bucket.ErrExists) {
		return s.adopt(ctx, sealed)
	}
	if err != nil {
		return fmt.Errorf("archiver: upload %s: %w", sealed.Key, err)
	}
	s.span.Sealed(sealed.Key, sealed.Footer.Entries, sealed.Footer.Rows, len(sealed.Data))
	s.archiver.config.Sealed(sealed)
	s.archiver.stats.segments.Add(1)
	s.archiver.stats.rows.Add(sealed.Footer.Rows)
	s.archiver.stats.bytes.Add(int64(len(sealed.Data)))
	s.next(segment.Link{Key: sealed.Key, Last: sealed.Footer.Last, Sum: sealed.Footer.Sum})
	s.setChainEnd(sealed.Key, sealed.Footer)
	return nil
}

// adopt takes over the segment that has our name, if it begins with our entry. It may end elsewhere
// than ours. Records that it lacks are read again: the rest cannot be cut from our segment, since
// repeats were dropped over the whole of it.
func (s *shard) adopt(ctx context.Context, ours segment.Sealed) error {
	var theirs *segment.Segment
	err := withKeepAlive(ctx, maxTransfer(int64(s.archiver.config.SegmentBytes)), func(ctx context.Context) (err error) {
		theirs, err = segment.Open(ctx, s.archiver.config.Bucket, ours.Key)
		return err
	})
	if err != nil {
		return fmt.Errorf("archiver: adopt: %w", err)
	}
	if theirs.Footer.FirstHash != ours.Footer.FirstHash || theirs.Footer.Bank != ours.Footer.Bank {
		return s.diverged(ours.Key)
	}
	if stream.CompareSequence(theirs.Footer.Last, ours.Footer.Last) < 0 {
		s.archiver.noteAdopted(s.source, theirs.Footer.Last)
		return fmt.Errorf("%w: %s", errAdopted, ours.Key)
	}
	s.next(segment.Link{Key: theirs.Key, Last: theirs.Footer.Last, Sum: theirs.Footer.Sum})
	s.setChainEnd(theirs.Key, theirs.Footer)
	return nil
}

func (s *shard) diverged(key string) error {
	err := fmt.Errorf("%w: %s begins with another entry, or is another bank's", ErrDiverged, key)
	s.archiver.suspend(s.source, err)
	return err
}

// Close drops what is not sealed; it is read again from the checkpoint.
func (s *shard) Close() error {
	s.writeMarkerAtClose()
	s.archiver.forget(s)
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.finishFlush(true)
	return nil
}

// requestFlush returns a channel that is closed when everything up to the tip is sealed, or the
// shard is closed.
func (s *shard) requestFlush() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.flush == nil {
		s.flush = make(chan struct{})
	}
	wait := s.flush
	if s.closed {
		close(s.flush)
		s.flush = nil
	}
	return wait
}

// flushDue reports whether the current batch was read after a flush was requested.
func (s *shard) flushDue() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.flush != nil && s.armed
}

// finishFlush ends a flush that is done, and arms one that was requested during the current batch.
func (s *shard) finishFlush(done bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if done && s.flush != nil {
		close(s.flush)
		s.flush = nil
	}
	s.armed = s.flush != nil
}

func (s *shard) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}
