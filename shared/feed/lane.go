package feed

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"passbook/shared/backoff"
	"passbook/shared/consumer"
	"passbook/shared/feed/tip"
	"passbook/shared/stream"
)

const (
	// idleEvery is how often an idle lane says that it has read everything.
	idleEvery = 5 * time.Second
	// readRecords is the most records of one read of a stream that reports arrivals, which costs
	// little. They are in memory until they were sent.
	readRecords = 128
	// laneAttempts is how often in a row a read may fail.
	laneAttempts = 6
	// clockMargin bounds how far the clocks of this machine and of the stream may be apart, and how
	// long a record may take until a reader finds it.
	clockMargin = tip.Margin
)

// errTrimmed means that the stream no longer has what follows a place.
var errTrimmed = errors.New("feed: the stream no longer has what follows")

// lane reads one shard of the stream for one connection.
type lane struct {
	feed *Feed
	// past is when the lane may read single batches: the lanes of a connection do so in turn.
	past  *turn
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
	// tip has the shard's newest records, on a stream that does not report arrivals, and newest
	// reads them once the lane has caught up with them. Those of a closed shard are not kept.
	tip    *tip.Tip
	newest *tip.Reader
	leave  func()
	closed bool
}

// batch is what a lane read at once.
type batch struct {
	lane       *lane
	deliveries []consumer.Delivery
	ended      bool
	// caughtUp is a time up to which the lane has read everything.
	caughtUp time.Time
	// held is the memory of the deliveries, nil for none.
	held *holding
	err  error
}

// open finds the lane's place: among the newest records of its shard, or on the stream.
func (l *lane) open(ctx context.Context) error {
	if err := l.openTip(ctx); err != nil {
		return err
	}
	if l.join() {
		return nil
	}
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

// openTip opens the newest records of the lane's shard, once.
func (l *lane) openTip(ctx context.Context) (err error) {
	if l.feed.tips == nil || l.closed || l.leave != nil {
		return nil
	}
	l.tip, l.leave, err = l.feed.tips.Open(ctx, l.shard)
	return err
}

// close lets go of the newest records.
func (l *lane) close() {
	if l.leave != nil {
		l.leave()
	}
	l.leave, l.tip, l.newest = nil, nil, nil
}

// join begins to read the newest records, if they reach back to the lane's place.
func (l *lane) join() bool {
	if l.tip == nil {
		return false
	}
	var joined bool
	l.newest, joined = l.tip.Join(tip.Place{Latest: l.at.sequence == "" && l.begins.Where == stream.Latest, After: l.at.sequence, CaughtUp: l.caughtUp})
	return joined
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
		if err := l.turn(ctx, p); err != nil {
			return err
		}
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

// turn waits until the process may find a place on a stream that does not report arrivals: one at a
// sequence number is found by a read.
func (l *lane) turn(ctx context.Context, p stream.Position) error {
	if l.feed.tips == nil || p.Where != stream.AfterSequence {
		return nil
	}
	return l.feed.tips.Turn(ctx, l.shard.String())
}

// run reads until the shard or ctx ends, and gives what it read to the connection.
func (l *lane) run(ctx context.Context, out chan<- batch) {
	defer l.feed.config.Decoder.AddReader(l.shard)()
	for {
		b := l.read(ctx)
		select {
		case out <- b:
		case <-ctx.Done():
			b.held.release()
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
			b.held.release()
			b.held = nil
			if !await(ctx, wait) {
				return b
			}
			continue
		case errors.Is(err, stream.ErrExpiredIterator), errors.Is(err, tip.ErrLost):
			if err = l.open(ctx); err == nil {
				continue
			}
		case errors.Is(err, stream.ErrTrimmed):
			err = fmt.Errorf("%w on %s: %w", errTrimmed, l.shard, err)
		}
		var moved *tip.ElsewhereError
		if failures++; errors.Is(err, errTrimmed) || errors.Is(err, errBusy) || errors.As(err, &moved) || failures == laneAttempts {
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
	if l.newest != nil {
		b, err = l.getNewest(ctx)
		return b, nil, err
	}
	n, reports := l.feed.config.Streams.(stream.Notifier)
	if reports {
		wait = n.Arrived(l.shard.Stream, l.shard.ID)
	}
	held, err := l.past.hold(ctx, stream.MaxGetBytes)
	if err != nil {
		return b, nil, err
	}
	// Memory comes first: a lease for the read may be another process's after a wait for it.
	if !reports {
		if err := l.feed.tips.Turn(ctx, l.shard.String()); err != nil {
			held.release()
			return b, nil, err
		}
	}
	began := time.Now()
	got, err := l.feed.config.Streams.Get(ctx, l.iterator, l.feed.most())
	if err != nil {
		held.release()
		return b, nil, fmt.Errorf("read %s: %w", l.shard, err)
	}
	// A place that was found by its time is before those of records that were delivered.
	got.Records = slices.DeleteFunc(got.Records, func(r stream.Delivered) bool {
		return l.at.sequence != "" && stream.CompareSequence(r.Sequence, l.at.sequence) <= 0
	})
	b, err = l.decode(ctx, got.Records, got.Next == "", held)
	if err != nil {
		return b, nil, err
	}
	l.iterator = got.Next
	// At the end of a shard its children may have had records for long.
	if got.Behind == 0 && !b.ended {
		l.caughtUp = began
	}
	b.caughtUp = l.caughtUp
	l.join()
	return b, wait, nil
}

// getNewest returns the next of the newest records, or after a while that there are none.
func (l *lane) getNewest(ctx context.Context) (batch, error) {
	if err := l.newest.Await(ctx, idleEvery); err != nil {
		return batch{}, err
	}
	held, err := l.feed.newest.hold(ctx, tip.MaxRead+stream.MaxRecordBytes)
	if err != nil {
		return batch{}, err
	}
	got, err := l.newest.Read()
	if err != nil {
		l.newest = nil
		held.release()
		return batch{}, err
	}
	b, err := l.decode(ctx, got.Records, got.Ended, held)
	if err != nil {
		l.newest.Back(got)
		return batch{}, err
	}
	if got.CaughtUp.After(l.caughtUp) && !b.ended {
		l.caughtUp = got.CaughtUp
	}
	b.caughtUp = l.caughtUp
	return b, nil
}

// decode returns the batch of records, after which the lane is. Their memory is held until the
// batch is sent.
func (l *lane) decode(ctx context.Context, records []stream.Delivered, ended bool, held *holding) (b batch, err error) {
	held.shrink(records)
	b = batch{lane: l, ended: ended, held: held}
	if b.deliveries, err = l.feed.config.Decoder.Decode(ctx, l.shard, records, l.feed.config.Origin); err != nil {
		held.release()
		return batch{}, fmt.Errorf("check the records of %s: %w", l.shard, err)
	}
	if n := len(records); n > 0 {
		l.at.sequence, l.caughtUp = records[n-1].Sequence, records[n-1].Arrived
	}
	return b, nil
}
