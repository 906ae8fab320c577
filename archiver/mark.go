package archiver

import (
	"context"
	"slices"
	"time"

	"passbook/shared/archive"
	"passbook/shared/segment"
	"passbook/shared/stream"
)

const (
	// markEvery is how often an end marker is written at most, unless segments are sealed more
	// often than that on purpose.
	markEvery = time.Minute
	// maxClose is how long writing one may hold up a shard that is given away.
	maxClose = 10 * time.Second
)

// chainEnd is the end of a shard's chain, and how much of it a marker tells.
type chainEnd struct {
	name   segment.Name
	footer segment.Footer
	// moved: no marker of this shard's reader tells of it yet. closed: one tells that nothing comes
	// after. at is when the last one was written.
	moved, closed bool
	at            time.Time
}

// cutPoints tells where segments began and ended that were archived and are gone: read from the
// stream again and cut there, they are the same, byte for byte, and the end markers that are left
// stay true.
type cutPoints struct{ ends []archive.EndMarker } // the newest first

// lostSegments finds the end markers beyond the end of a source's chain.
func (a *Archiver) lostSegments(ctx context.Context, source segment.Source, last string) (r cutPoints, err error) {
	err = withKeepAlive(ctx, maxSearch, func(ctx context.Context) (err error) {
		r.ends, err = archive.EndMarkersAfter(ctx, a.config.Bucket, source, last)
		return err
	})
	return r, err
}

// at says whether a segment that goes up to last ended there, before the record at sequence.
func (r *cutPoints) at(last, sequence string) bool {
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

// within says that a segment that goes up to last went further.
func (r *cutPoints) within(last string) bool {
	return slices.ContainsFunc(r.ends, func(m archive.EndMarker) bool { return stream.CompareSequence(m.Last, last) > 0 })
}

// setChainEnd notes the segment that is now the chain's last.
func (s *shard) setChainEnd(key string, f segment.Footer) {
	name, err := segment.ParseKey(key)
	if err == nil {
		s.chainEnd.name, s.chainEnd.footer, s.chainEnd.moved = name, f, true
	}
}

// writeMarker writes the end marker when it is due: the end has moved, and the last one is old
// enough, or nobody can wait for the next. A failure delays it: the segment is durable without.
func (s *shard) writeMarker(ctx context.Context, now, ended bool) {
	e := &s.chainEnd
	due := now || s.archiver.config.Now().Sub(e.at) >= min(markEvery, s.archiver.config.SegmentAge)
	if e.footer.Last == "" || !(e.moved && due) && (!ended || e.closed) {
		return
	}
	e.at = s.archiver.config.Now()
	err := withKeepAlive(ctx, maxCall, func(ctx context.Context) error {
		return archive.NewEndMarker(e.name, e.footer, ended).Write(ctx, s.archiver.config.Bucket)
	})
	if err != nil {
		s.archiver.config.Log.Warn("end marker is not written", "shard", s.source.String(), "error", err)
		return
	}
	e.moved, e.closed = false, ended
}

// writeMarkerAtClose writes the end marker of a shard that is given away: its next reader may be
// long in coming.
func (s *shard) writeMarkerAtClose() {
	ctx, cancel := context.WithTimeout(context.Background(), maxClose)
	defer cancel()
	s.writeMarker(ctx, true, false)
}
