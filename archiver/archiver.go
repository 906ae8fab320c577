package archiver

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"passbook/shared/archive"
	"passbook/shared/consumer"
	"passbook/shared/segment"
	"passbook/shared/stream"
)

// Name is the consumer name of the archiver's leases and checkpoints.
const Name = "archiver"

// ErrDiverged means that the bucket and the stream do not match: a segment's name is taken by other
// content. Nothing was overwritten, and the shard is suspended until a person has looked.
var ErrDiverged = errors.New("archiver: the archive does not match the stream")

// ErrHandedOver means that a shard was handed over, or read to its end, while a flush waited for
// it. Another Flush reaches the rest.
var ErrHandedOver = errors.New("archiver: shard handed over")

// Archiver seals the shards of a stream. Its Open is a consumer.Opener. It is safe for concurrent
// use.
type Archiver struct {
	config Config
	mu     sync.Mutex
	open   map[*shard]struct{}
	// adopted is where the last segment of another archiver ends that was found in each source, so
	// that the search for a chain's end does not stop before it.
	adopted       map[string]string
	archiveFaults archiveFaults
	stats         struct{ segments, rows, bytes, skipped, losses atomic.Int64 }
}

// Stats counts what was done since the start.
type Stats struct {
	// Segments, Rows and Bytes are those sealed and uploaded. Skipped are records without an entry.
	Segments, Rows, Bytes, Skipped int64
	// Losses counts the shards whose newest segments were found lost or damaged. Suspended are
	// those that are not archived now.
	Losses, Suspended int64
}

// New returns an Archiver.
func New(c Config) (*Archiver, error) {
	err := c.Validate()
	if err != nil {
		return nil, err
	}
	c.complete()
	return &Archiver{config: c, open: make(map[*shard]struct{}), adopted: make(map[string]string)}, nil
}

// Stats returns the counters.
func (a *Archiver) Stats() Stats {
	return Stats{
		Segments: a.stats.segments.Load(), Rows: a.stats.rows.Load(),
		Bytes: a.stats.bytes.Load(), Skipped: a.stats.skipped.Load(),
		Losses: a.stats.losses.Load(), Suspended: a.archiveFaults.suspended(),
	}
}

// gather is how long records gather before the archiver reads them: nobody waits for it.
const gather = 50 * time.Millisecond

// Consumer returns what reads the stream for the archiver.
func (a *Archiver) Consumer(r consumer.Runtime) consumer.Config {
	return consumer.Config{Runtime: r, Name: Name, Open: a.Open, Gather: gather}
}

// Open implements consumer.Opener: it finds the end of the shard's chain in the bucket and
// continues there. A chain whose end was lost or damaged does not stop it.
func (a *Archiver) Open(ctx context.Context, on consumer.Shard, checkpoint string) (consumer.Handler, error) {
	source := segment.Source{Stream: on.Stream, Created: on.Created, Shard: on.ID}
	if p, ok := a.suspendedShard(source); ok {
		return p, nil
	}
	link, footer, err := a.end(ctx, source, checkpoint)
	switch {
	case errors.Is(err, segment.ErrNewer):
		return a.suspend(source, err), nil
	case segment.Unusable(err):
		link, err = a.afterDamage(source, link.Key, checkpoint, err)
		if err != nil {
			return nil, err
		}
	case err != nil:
		return nil, fmt.Errorf("archiver: end of %s: %w", source, err)
	case endsBefore(footer, checkpoint):
		a.reportLoss(source, checkpoint, fmt.Errorf("it was archived up to %s, but the archive ends at %q: it is read again from the stream; "+
			"run audit --repair to archive what the stream no longer has", checkpoint, footer.Last))
		return nil, consumer.Rewind(footer.Last)
	}
	again, err := a.findLostSegments(ctx, source, link.Last)
	if err != nil {
		return nil, fmt.Errorf("archiver: end of %s: %w", source, err)
	}
	s := &shard{archiver: a, source: source, read: checkpoint, saved: checkpoint, end: footer, cuts: again}
	s.begin(link)
	if footer.Last == link.Last {
		s.setChainEnd(link.Key, footer)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.open[s] = struct{}{}
	return s, nil
}

// endsBefore reports whether a chain of segments ends before what was checkpointed.
func endsBefore(footer segment.Footer, checkpoint string) bool {
	return checkpoint != "" && stream.CompareSequence(footer.Last, checkpoint) < 0
}

// end finds the end of a source's chain. If it seems to end before the checkpoint, or before a
// segment that was found, its last segments may be under other days, by a wrong clock, so all days
// are searched.
func (a *Archiver) end(ctx context.Context, source segment.Source, checkpoint string) (link segment.Link, footer segment.Footer, err error) {
	var key string
	reach := a.reach(source, checkpoint)
	err = withKeepAlive(ctx, maxSearch, func(ctx context.Context) (err error) {
		key, footer, err = archive.Last(ctx, a.config.Bucket, source, a.config.Now())
		if err == nil && endsBefore(footer, reach) {
			a.config.Log.Warn("segments are not under the expected days, so all days are listed", "shard", source.String())
			key, footer, err = archive.LastOfAllDays(ctx, a.config.Bucket, source)
		}
		return err
	})
	return segment.Link{Key: key, Last: footer.Last, Sum: footer.Sum}, footer, err
}

// noteAdopted notes the end of another archiver's segment.
func (a *Archiver) noteAdopted(source segment.Source, last string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.adopted[source.String()] = last
}

// reach returns how far a source's chain is known to go.
func (a *Archiver) reach(source segment.Source, checkpoint string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	adopted := a.adopted[source.String()]
	if stream.CompareSequence(adopted, checkpoint) > 0 {
		return adopted
	}
	return checkpoint
}

// Flush reads every shard that is open here to its tip and seals its records, of any age. It
// returns when that is durable, or with ErrHandedOver. Records that arrive during the flush may or
// may not be included.
func (a *Archiver) Flush(ctx context.Context) error {
	a.mu.Lock()
	open := slices.Collect(maps.Keys(a.open))
	a.mu.Unlock()
	waits := make([]<-chan struct{}, len(open))
	for i, s := range open {
		waits[i] = s.requestFlush()
	}
	for i, wait := range waits {
		select {
		case <-wait:
		case <-ctx.Done():
			return fmt.Errorf("archiver: flush %s: %w", open[i].source, ctx.Err())
		}
		if open[i].isClosed() {
			return fmt.Errorf("flush %s: %w", open[i].source, ErrHandedOver)
		}
	}
	return nil
}

func (a *Archiver) forget(s *shard) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.open, s)
}
