package archiver

import (
	"context"
	"fmt"
	"slices"
	"time"

	"passbook/shared/archive"
	"passbook/shared/consumer"
	"passbook/shared/segment"
	"passbook/shared/stream"
)

const (
	// markEvery is the least time between two end markers, unless segments are sealed more often.
	markEvery = time.Minute
	// maxClose bounds the write of an end marker when a shard is handed over.
	maxClose = 10 * time.Second
)

// chainEnd is the end of a shard's chain, and whether a marker records it.
type chainEnd struct {
	name   segment.Name
	footer segment.Footer
	// moved means that no marker of this shard's reader records it yet, closed that one records
	// that no segment follows. at is when the last marker was written.
	moved, closed bool
	at            time.Time
}

// lostSegments are where segments began and ended that were archived and are lost. Read from the
// stream again and cut there, they have the same bytes, and the end markers that are left remain
// true.
type lostSegments struct{ ends []archive.EndMarker } // the newest first

// findLostSegments finds the end markers beyond the end of a source's chain.
func (a *Archiver) findLostSegments(ctx context.Context, source segment.Source, last string) (r lostSegments, err error) {
	err = withKeepAlive(ctx, maxSearch, func(ctx context.Context) (err error) {
		r.ends, err = archive.EndMarkersAfter(ctx, a.config.Bucket, source, last)
		return err
	})
	return r, err
}

// at reports whether a lost segment ended at last, before the record at sequence.
func (r *lostSegments) at(last, sequence string) bool {
	for len(r.ends) > 0 {
		m := r.ends[len(r.ends)-1]
		behind := stream.CompareSequence(m.Last, last)
		if behind >= 0 {
			first := m.Name.First
			return behind == 0 || stream.CompareSequence(first, last) > 0 && stream.CompareSequence(first, sequence) <= 0
		}
		r.ends = r.ends[:len(r.ends)-1]
	}
	return false
}

// within reports whether a lost segment continued after last.
func (r *lostSegments) within(last string) bool {
	return slices.ContainsFunc(r.ends, func(m archive.EndMarker) bool { return stream.CompareSequence(m.Last, last) > 0 })
}

// containing returns the marker of the lost segment that a sequence number was in.
func (r *lostSegments) containing(sequence string) (lost archive.EndMarker, ok bool) {
	for _, m := range r.ends {
		if stream.CompareSequence(m.Name.First, sequence) <= 0 && stream.CompareSequence(sequence, m.Last) <= 0 {
			return m, true
		}
	}
	return lost, false
}

// setChainEnd notes the segment that is now the chain's last.
func (s *shard) setChainEnd(key string, f segment.Footer) {
	name, err := segment.ParseKey(key)
	if err == nil {
		s.chainEnd.name, s.chainEnd.footer, s.chainEnd.moved = name, f, true
	}
}

// writeMarker writes the end marker when it is due: the end has moved, and the last marker is old
// enough or the caller cannot wait. A failure only delays it, since the segment is durable without
// it.
func (s *shard) writeMarker(ctx context.Context, now, ended bool) {
	e := &s.chainEnd
	due := now || s.archiver.config.Now().Sub(e.at) >= min(markEvery, s.archiver.config.SegmentAge)
	if e.footer.Last == "" || !(e.moved && due) && (!ended || e.closed) {
		return
	}
	if stream.CompareSequence(s.read, e.footer.Last) < 0 { // not proven: see beyondTip
		return
	}
	e.at = s.archiver.config.Now()
	err := withKeepAlive(ctx, maxCall, func(ctx context.Context) error {
		return archive.NewEndMarker(e.name, e.footer, ended).Write(ctx, s.archiver.config.Bucket)
	})
	if err != nil {
		s.archiver.config.Log.Warn("the end marker was not written", "shard", s.source.String(), "error", err)
		return
	}
	e.moved, e.closed = false, ended
}

// writeMarkerAtClose writes the end marker of a shard that is handed over: its next reader may take
// long to open it.
func (s *shard) writeMarkerAtClose() {
	ctx, cancel := context.WithTimeout(context.Background(), maxClose)
	defer cancel()
	s.writeMarker(ctx, true, false)
}

// beyondTip finds a last segment, or end markers, that claim more than the stream has. Others may
// create objects in the bucket too: of a segment that ends beyond the tip every record that follows
// would pass for archived.
type beyondTip struct {
	// passed means that a record was passed over as archived, tips how often the tip was reached
	// since then without the end of the last segment.
	passed bool
	tips   int
}

// tipsToProve is how often the tip is reached before a segment is called false. A stream may say
// that a batch ends at its tip when it only ends at what was there when the read began.
const tipsToProve = 5

// checkTip suspends the shard if its last segment ends beyond the tip. End markers beyond the tip
// are forgotten.
func (s *shard) checkTip(b consumer.Batch) error {
	if b.Behind > 0 && !b.Ended || s.read == "" {
		return nil
	}
	if stream.CompareSequence(s.read, s.link.Last) >= 0 {
		s.beyond = beyondTip{}
		s.cuts.forgetAfter(s.read)
		return nil
	}
	if !s.beyond.passed {
		return nil
	}
	if s.beyond.tips++; s.beyond.tips < tipsToProve && !b.Ended {
		return nil
	}
	err := fmt.Errorf("%w: %s ends at %s, but the stream at %s: no archiver made it; keep a copy of it and remove it", ErrDiverged, s.link.Key, s.link.Last, s.read)
	s.archiver.suspend(s.source, err)
	return err
}

// forgetAfter forgets the markers of segments that ended after a sequence number.
func (r *lostSegments) forgetAfter(sequence string) {
	r.ends = slices.DeleteFunc(r.ends, func(m archive.EndMarker) bool { return stream.CompareSequence(m.Last, sequence) > 0 })
}
