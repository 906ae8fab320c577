package archiver

import (
	"context"
	"time"

	"passbook/shared/archive"
)

const (
	// markEvery is how often an end marker is written at most, unless segments are sealed more often than that on purpose.
	markEvery = time.Minute
	// closeMost is how long writing one may hold up a shard that is given away.
	closeMost = 10 * time.Second
)

// ending is the end of a shard's chain, and how much of it a marker tells.
type ending struct {
	name   archive.Name
	footer archive.Footer
	// moved: no marker of this shard's reader tells of it yet. closed: one tells that nothing comes after. at is when the last one was
	// written.
	moved, closed bool
	at            time.Time
}

// moveEnd notes the segment that is now the chain's last.
func (s *shard) moveEnd(key string, f archive.Footer) {
	name, err := archive.ParseKey(key)
	if err == nil {
		s.ending.name, s.ending.footer, s.ending.moved = name, f, true
	}
}

// mark writes the end marker when it is due: the end has moved, and the last one is old enough, or nobody can wait for the next.
// A failure delays it: the segment is durable without.
func (s *shard) mark(ctx context.Context, now, ended bool) {
	e := &s.ending
	due := now || s.archiver.Now().Sub(e.at) >= min(markEvery, s.archiver.SegmentAge)
	if e.footer.Last == "" || !(e.moved && due) && (!ended || e.closed) {
		return
	}
	e.at = s.archiver.Now()
	err := patiently(ctx, callMost, func(ctx context.Context) error {
		return archive.MarkerOf(e.name, e.footer, ended).Write(ctx, s.archiver.Bucket)
	})
	if err != nil {
		s.archiver.Log.Warn("end marker is not written", "shard", s.source.String(), "error", err)
		return
	}
	e.moved, e.closed = false, ended
}

// markAtClose writes the end marker of a shard that is given away: its next reader may be long in coming.
func (s *shard) markAtClose() {
	ctx, cancel := context.WithTimeout(context.Background(), closeMost)
	defer cancel()
	s.mark(ctx, true, false)
}
