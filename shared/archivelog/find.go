package archivelog

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"passbook/shared/archive"
	"passbook/shared/event"
	"passbook/shared/segment"
)

// queueMost bounds the segments that one listing finds.
const queueMost = 16 << 10

// finder finds the segments that are not in the log. Those of the last two days are listed in each
// round, and all once a day: a segment that is made again after a loss is under an older day.
type finder struct {
	// seen are the keys of the leaves, shortened.
	seen map[[16]byte]struct{}
	// queue are the segments that were found and are no leaves yet.
	queue []archive.Object
	// refused are those that cannot become leaves, and why.
	refused map[string]string
	// swept is the day on which all were listed.
	swept time.Time
}

func newFinder() finder { return finder{seen: map[[16]byte]struct{}{}, refused: map[string]string{}} }

// short returns the key as seen has it.
func short(key string) (s [16]byte) {
	sum := sha256.Sum256([]byte(key))
	copy(s[:], sum[:])
	return s
}

// note notes a leaf.
func (f *finder) note(key string) { f.seen[short(key)] = struct{}{} }

// refusedError names segments that were not added.
type refusedError struct{ what string }

func (e *refusedError) Error() string { return e.what }

// refusal returns nil, or an error that names a segment that cannot become a leaf.
func (f *finder) refusal() error {
	if len(f.refused) == 0 {
		return nil
	}
	first := slices.Min(slices.Collect(maps.Keys(f.refused)))
	return &refusedError{fmt.Sprintf("%d segments are not in the archive's log, such as %s: %s", len(f.refused), first, f.refused[first])}
}

// newLeaves returns the next leaves, at most leavesMost, in the order of their keys. After the time
// between two rounds it returns those that it has: reading many large segments may take longer than
// a lease lasts, which only a write renews.
func (l *Log) newLeaves(ctx context.Context, s *state) (leaves []Leaf, err error) {
	if len(s.find.queue) == 0 {
		if err := l.list(ctx, &s.find); err != nil {
			return nil, err
		}
	}
	began := l.config.Now()
	for len(s.find.queue) > 0 && len(leaves) < leavesMost && (len(leaves) == 0 || l.config.Now().Sub(began) < l.config.Every) {
		o := s.find.queue[0]
		leaf, ok := l.takeSealed(o.Key)
		if !ok {
			leaf, err = l.readLeaf(ctx, o.Key)
		}
		var refused *refusedError
		switch {
		case errors.As(err, &refused):
			s.find.refused[o.Key] = refused.what
		case err != nil:
			return nil, err
		default:
			leaves = append(leaves, leaf)
		}
		s.find.queue = s.find.queue[1:]
	}
	return leaves, nil
}

// list fills the queue. Where it finds more than the queue holds, the next call continues.
func (l *Log) list(ctx context.Context, f *finder) error {
	const day = 24 * time.Hour
	today := l.config.Now().UTC().Truncate(day)
	found := archive.ListDays(ctx, l.config.Bucket, today.Add(-day), today, today.Add(day))
	sweeps := !f.swept.Equal(today)
	if sweeps {
		found = archive.List(ctx, l.config.Bucket)
		clear(f.refused)
	}
	for o, err := range found {
		if err != nil {
			return err
		}
		if _, is := f.seen[short(o.Key)]; is || f.refused[o.Key] != "" {
			continue
		}
		if f.queue = append(f.queue, o); len(f.queue) == queueMost {
			return nil
		}
	}
	f.swept = today
	return nil
}

// readLeaf returns the leaf of a segment of another process, or of one that ended: it reads all of
// it, and refuses one that is damaged, of another bank, or has an entry that no program of the bank
// made.
func (l *Log) readLeaf(ctx context.Context, key string) (leaf Leaf, err error) {
	data, err := segment.ReadObject(ctx, l.config.Bucket, key)
	if err == nil {
		leaf, err = l.checkedLeaf(ctx, key, data)
	}
	if segment.Unusable(err) || errors.Is(err, event.ErrForeign) {
		return leaf, &refusedError{err.Error()}
	}
	return leaf, err
}

func (l *Log) checkedLeaf(ctx context.Context, key string, data []byte) (leaf Leaf, err error) {
	s, err := segment.Parse(key, data)
	if err != nil {
		return leaf, err
	}
	if bank := l.config.Bank(); s.Footer.Format >= 2 && s.Footer.Bank != bank {
		return leaf, &refusedError{fmt.Sprintf("it is of bank %s", s.Footer.Bank)}
	}
	for rec, err := range s.Records(segment.Exact) {
		if err == nil && rec.Entry.Signed() { // one without a mac is proven by the chain alone
			err = l.config.Check(ctx, rec.Entry)
		}
		if err != nil {
			return leaf, err
		}
		if ctx.Err() != nil {
			return leaf, ctx.Err()
		}
	}
	return LeafOf(key, data, s.Footer), nil
}
