package feed

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"passbook/shared/backoff"
	"passbook/shared/consumer"
	"passbook/shared/stream"
)

const (
	// pollEvery is the time between two reads of a shard by all feeds of a process, on a stream
	// that does not
	// report arrivals.
	pollEvery = 2 * time.Second
	// idleEvery is how often an idle lane says that it has read everything.
	idleEvery = 5 * time.Second
	// readRecords is the most records of one read of a stream that reports arrivals. They are in
	// memory until they were sent.
	readRecords = 500
	// laneAttempts is how often in a row a read may fail.
	laneAttempts = 6
	// clockMargin bounds how far the clocks of this machine and of the stream may be apart, and how
	// long a record may take until a reader finds it.
	clockMargin = time.Minute
)

// errTrimmed means that the stream no longer has what follows a place.
var errTrimmed = errors.New("feed: the stream no longer has what follows")

// lane reads one shard of the stream for one connection.
type lane struct {
	feed  *Feed
	shard consumer.Shard
	// parents are read to their ends before the lane begins.
	parents []string
	at      place
	// begins is where a lane begins that delivered nothing yet; caughtUp is when everything before
	// was delivered.
	begins   stream.Position
	caughtUp time.Time
	// idle says that the connection knows that there was nothing at the last read.
	idle bool
	// delivered is caughtUp of what the connection has sent.
	delivered time.Time
	iterator  string
}

// batch is what a lane read at once.
type batch struct {
	lane       *lane
	deliveries []consumer.Delivery
	ended      bool
	// caughtUp is a time up to which the lane has read everything.
	caughtUp time.Time
	err      error
}

// open finds the lane's place on the stream.
func (l *lane) open(ctx context.Context) error {
	err := l.seek(ctx, l.next())
	if errors.Is(err, stream.ErrTrimmed) && !l.caughtUp.IsZero() {
		// The record at the place may be gone, and yet nothing after it. What was not read then
		// arrived later.
		err = l.seek(ctx, stream.Position{Where: stream.AtTime, Time: l.caughtUp.Add(-clockMargin)})
	}
	if errors.Is(err, stream.ErrTrimmed) || errors.Is(err, stream.ErrNotFound) {
		return fmt.Errorf("%w %q on %s: %w", errTrimmed, l.at.sequence, l.shard, err)
	}
	return err
}

// next returns where to read on.
func (l *lane) next() stream.Position {
	if l.at.sequence == "" {
		return l.begins
	}
	return stream.Position{Where: stream.AfterSequence, Sequence: l.at.sequence}
}

func (l *lane) seek(ctx context.Context, p stream.Position) error {
	pause := backoff.Backoff{First: 200 * time.Millisecond, Most: 2 * time.Second}
	for tries := 1; ; tries++ {
		iterator, err := l.feed.config.Streams.Iterator(ctx, l.shard.Stream, l.shard.ID, p)
		if err == nil {
			l.iterator = iterator
			return nil
		}
		if !errors.Is(err, stream.ErrThrottled) || tries == laneAttempts {
			return fmt.Errorf("find a place on %s: %w", l.shard, err)
		}
		if err := pause.Pause(ctx); err != nil {
			return err
		}
	}
}

// run reads until the shard or ctx ends, and gives what it read to the connection.
func (l *lane) run(ctx context.Context, out chan<- batch) {
	defer l.feed.config.Decoder.AddReader(l.shard)()
	for {
		b := l.read(ctx)
		select {
		case out <- b:
		case <-ctx.Done():
			return
		}
		if b.ended || b.err != nil {
			return
		}
	}
}

// read returns the next records, or after a while without any that there are none.
func (l *lane) read(ctx context.Context) batch {
	pause := backoff.Backoff{First: 200 * time.Millisecond, Most: 5 * time.Second}
	for failures := 0; ; {
		b, wait, err := l.get(ctx)
		switch {
		case err == nil && (len(b.deliveries) > 0 || b.ended || wait == nil || !l.idle):
			l.idle = len(b.deliveries) == 0
			return b
		case err == nil:
			if !await(ctx, wait) {
				return b
			}
			continue
		case errors.Is(err, stream.ErrExpiredIterator):
			if err = l.open(ctx); err == nil {
				continue
			}
		case errors.Is(err, stream.ErrTrimmed):
			err = fmt.Errorf("%w on %s: %w", errTrimmed, l.shard, err)
		}
		if failures++; errors.Is(err, errTrimmed) || failures == laneAttempts {
			return batch{lane: l, err: err}
		}
		if err := pause.Pause(ctx); err != nil {
			return batch{lane: l, err: err}
		}
	}
}

// await waits for arrivals. It reports whether there were any within idleEvery.
func await(ctx context.Context, arrived <-chan struct{}) bool {
	timer := time.NewTimer(idleEvery)
	defer timer.Stop()
	select {
	case <-arrived:
		return true
	case <-timer.C:
	case <-ctx.Done():
	}
	return false
}

// get reads once. wait is where to wait for more if there was nothing; nil if it has waited
// already.
func (l *lane) get(ctx context.Context) (b batch, wait <-chan struct{}, err error) {
	most := stream.MaxGetRecords
	if n, ok := l.feed.config.Streams.(stream.Notifier); ok {
		most = readRecords
		wait = n.Arrived(l.shard.Stream, l.shard.ID)
	} else if err := l.feed.polls.await(ctx, l.shard.String()); err != nil {
		return b, nil, err
	}
	began := time.Now()
	got, err := l.feed.config.Streams.Get(ctx, l.iterator, most)
	if err != nil {
		return b, nil, fmt.Errorf("read %s: %w", l.shard, err)
	}
	b = batch{lane: l, ended: got.Next == ""}
	// A place that was found by its time is before those of records that were delivered.
	got.Records = slices.DeleteFunc(got.Records, func(r stream.Delivered) bool {
		return l.at.sequence != "" && stream.CompareSequence(r.Sequence, l.at.sequence) <= 0
	})
	if b.deliveries, err = l.feed.config.Decoder.Decode(ctx, l.shard, got.Records, l.feed.config.Origin); err != nil {
		return b, nil, fmt.Errorf("check the records of %s: %w", l.shard, err)
	}
	l.iterator = got.Next
	if n := len(got.Records); n > 0 {
		l.at.sequence, l.caughtUp = got.Records[n-1].Sequence, got.Records[n-1].Arrived
	}
	// At the end of a shard its children may have had records for long.
	if got.Behind == 0 && !b.ended {
		l.caughtUp = began
	}
	b.caughtUp = l.caughtUp
	return b, wait, nil
}
