package feed

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"passbook/shared/archive"
	"passbook/shared/consumer"
	"passbook/shared/event"
	"passbook/shared/segment"
)

var (
	// errDraining ends a feed because the server stops.
	errDraining = errors.New("feed: the server stops")
	// errComplete ends a feed of what there was when it was asked for.
	errComplete = errors.New("feed: everything was sent")
	// errIdentify ends a feed whose caller may no longer read it.
	errIdentify = errors.New("feed: the caller may not read the feed any more")
	// errBusy means that too many feeds read the archive, or have newest records in memory.
	errBusy = errors.New("feed: too many feeds read the archive, or have newest records in memory")
	// errHistory means that events are neither on the stream nor in the archive.
	errHistory = errors.New("feed: the history is not complete")
)

// connection is one feed. Its goroutine sends; each shard is read by another.
type connection struct {
	feed *Feed
	request
	wire     *wire
	server   Server
	identify func() error
	versions *recent[versions]
	position position
	// beginning is a time up to which everything was delivered before the connection.
	beginning time.Time
	// fresh says that the connection continues no cursor and follows nothing yet.
	fresh bool
	// whole says that the connection began with the first event of all, so that an account which it
	// has not seen has no earlier events.
	whole bool
	// lanes are those of the stream's shards, by id.
	lanes   map[string]*lane
	running map[string]bool
	past    *turn
	reading sync.WaitGroup
	batches chan batch
	began   bool
	// unbegun says that a shard which the position does not have was not begun, even if it is older
	// than others.
	unbegun bool
	// archived is how far the archive was when it was read, and resumed says that it was.
	archived map[string]consumer.Checkpoint
	ends     map[segment.Source]archive.End
	resumed  bool
	// beaten and identified are when the last heartbeat was sent and the caller was last asked for,
	// while the archive is read.
	beaten, identified time.Time
	// asked is when the connection began.
	asked time.Time
}

// run serves the feed until it ends, and returns why.
func (s *connection) run(ctx context.Context) error {
	s.asked = time.Now()
	s.beaten, s.identified = s.asked, s.asked
	s.position = position{places: map[segment.Source]place{}, since: s.at}
	switch {
	case s.cursor != nil:
		s.position = *s.cursor
	case s.from == latest:
		s.position.caughtUp = time.Now()
	case s.from == atTime:
		s.position.caughtUp = s.at
	default:
		s.whole, s.position.history = true, true
	}
	s.fresh, s.beginning = s.cursor == nil, s.position.caughtUp
	var err error
	if s.position.history || s.position.caughtUp.IsZero() {
		err = errTrimmed
	}
	for {
		if err == nil {
			err = s.follow(ctx)
		}
		if !errors.Is(err, errTrimmed) {
			return err
		}
		if err = s.resume(ctx); err != nil {
			return err
		}
	}
}

// resume continues in the archive where the stream does not have what follows. It returns
// errHistory if the archive has nothing of that either.
func (s *connection) resume(ctx context.Context) error {
	if s.cursor == nil && s.from == atTime && !s.began {
		s.position = position{places: map[segment.Source]place{}, since: s.at, history: true}
	}
	before := s.cursorNow()
	if err := s.readHistory(ctx); err != nil {
		return err
	}
	if s.resumed && s.cursorNow() == before {
		return fmt.Errorf("%w: the archive ends before the stream begins", errHistory)
	}
	s.resumed, s.fresh = true, false
	return nil
}

// follow reads the stream from the connection's position.
func (s *connection) follow(ctx context.Context) error {
	reading, stop := context.WithCancel(ctx)
	defer func() {
		stop()
		s.reading.Wait()
		s.closeLanes()
	}()
	s.lanes = nil
	if err := s.findShards(ctx); err != nil {
		return err
	}
	// Only now the position has every shard.
	s.fresh, s.position.history = false, false
	for _, l := range s.lanes {
		if s.ready(l) {
			if err := l.open(ctx); err != nil {
				return err
			}
		}
	}
	if err := s.begin(); err != nil {
		return err
	}
	s.batches = make(chan batch)
	s.running = map[string]bool{}
	s.start(reading)
	if s.complete() {
		return errComplete
	}
	return s.serve(ctx, reading)
}

// closeLanes lets go of what the lanes read together with others.
func (s *connection) closeLanes() {
	for _, l := range s.lanes {
		l.close()
	}
}

// begin sends the header and a first cursor, once.
func (s *connection) begin() error {
	if s.began {
		return nil
	}
	s.began = true
	if err := s.wire.header(); err != nil {
		return err
	}
	return s.wire.heartbeat(time.Now(), s.feed.source(), s.cursorNow())
}

// serve sends what the lanes read until one fails, or the feed ends.
func (s *connection) serve(ctx, reading context.Context) error {
	beat := time.NewTicker(heartbeatEvery)
	defer beat.Stop()
	identify := time.NewTicker(identifyEvery)
	defer identify.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.server.Draining().Done():
			return errDraining
		case <-beat.C:
			if err := s.wire.heartbeat(time.Now(), s.feed.source(), s.cursorNow()); err != nil {
				return err
			}
		case <-identify.C:
			if err := s.identify(); err != nil {
				return fmt.Errorf("%w: %w", errIdentify, err)
			}
		case b := <-s.batches:
			if b.err != nil {
				return b.err
			}
			if err := s.take(ctx, b); err != nil {
				return err
			}
			if b.ended {
				if err := s.findShards(ctx); err != nil {
					return err
				}
				s.start(reading)
			}
			if s.complete() {
				return errComplete
			}
		}
	}
}

// take sends what a lane has read.
func (s *connection) take(ctx context.Context, b batch) error {
	defer b.held.release()
	source := s.source(b.lane.shard.ID)
	for _, d := range b.deliveries {
		if err := s.deliverOne(ctx, d.Entry); err != nil {
			return err
		}
		s.position.places[source] = place{sequence: d.Sequence}
		if s.wire.full {
			if err := s.flush(); err != nil {
				return err
			}
		}
	}
	b.lane.delivered = b.caughtUp
	if oldest, open := s.oldest(); open {
		s.position.caughtUp = oldest
	}
	if b.ended {
		s.position.places[source] = place{ended: true}
		b.lane.close() // it reads no more
	}
	return s.flush()
}

// flush writes what was collected, up to which the cursor is. It returns errSlow if the reader
// takes so long that other feeds wait for its memory.
func (s *connection) flush() error {
	return errors.Join(s.wire.flush(s.cursorNow()), s.past.check())
}

// complete reports whether the caller has all that it wanted.
func (s *connection) complete() bool {
	oldest, open := s.oldest()
	return s.untilNow && (!open || oldest.After(s.asked))
}

// deliverOne sends the events of a record; e is nil where it has none that can be read. The later
// ones of its account then show what is missing.
func (s *connection) deliverOne(ctx context.Context, e *event.Entry) error {
	if e == nil {
		return nil
	}
	return s.deliver(ctx, e)
}

// oldest returns the time up to which all lanes were delivered, zero if one of them was never
// delivered up to its tip, and whether any lane has not ended.
func (s *connection) oldest() (oldest time.Time, open bool) {
	for id, l := range s.lanes {
		if s.position.places[s.source(id)].ended {
			continue
		}
		if !open || l.delivered.Before(oldest) {
			oldest = l.delivered
		}
		open = true
	}
	return oldest, open
}

func (s *connection) cursorNow() string { return s.position.encode(s.scope()) }

// source returns a shard's name in the position.
func (s *connection) source(id string) segment.Source {
	l := s.lanes[id]
	return segment.Source{Stream: l.shard.Stream, Created: l.shard.Created, Shard: id}
}

// ready reports whether a lane can begin: its parents were delivered.
func (s *connection) ready(l *lane) bool {
	if s.position.places[s.source(l.shard.ID)].ended {
		return false
	}
	for _, id := range l.parents {
		if s.lanes[id] != nil && !s.position.places[s.source(id)].ended {
			return false
		}
	}
	return true
}

// start starts the lanes that can begin.
func (s *connection) start(ctx context.Context) {
	for id, l := range s.lanes {
		if s.running[id] || !s.ready(l) {
			continue
		}
		s.running[id] = true
		out := s.batches
		s.reading.Go(func() {
			if l.iterator == "" && l.newest == nil {
				if err := l.open(ctx); err != nil {
					select {
					case out <- batch{lane: l, err: err}:
					case <-ctx.Done():
					}
					return
				}
			}
			l.run(ctx, out)
		})
	}
}
