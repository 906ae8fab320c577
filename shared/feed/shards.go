package feed

import (
	"context"
	"fmt"
	"time"

	"passbook/shared/consumer"
	"passbook/shared/event"
	"passbook/shared/segment"
	"passbook/shared/stream"
)

// findShards makes a lane for each shard of the stream that has none.
func (s *connection) findShards(ctx context.Context) error {
	c := s.feed.config
	created, err := c.Streams.Created(ctx, c.Stream)
	if err != nil {
		return fmt.Errorf("read the creation of stream %s: %w", c.Stream, err)
	}
	shards, err := c.Streams.Shards(ctx, c.Stream)
	if err != nil {
		return fmt.Errorf("list the shards of stream %s: %w", c.Stream, err)
	}
	began := s.lanes != nil
	if !began {
		s.lanes = map[string]*lane{}
	}
	newest := s.newest(created)
	for _, listed := range shards {
		if s.lanes[listed.ID] != nil {
			continue
		}
		shard := consumer.Shard{Stream: c.Stream, Created: created.UTC(), ID: listed.ID, FirstHash: listed.FirstHash, LastHash: listed.LastHash}
		if s.account != "" && !shard.Owns(event.Account{Tenant: s.tenant, ID: s.account}.String()) {
			delete(s.position.places, segment.Source{Stream: shard.Stream, Created: shard.Created, Shard: shard.ID})
			continue
		}
		l := &lane{feed: s.feed, past: s.past, shard: shard, parents: listed.Parents, closed: listed.Closed, caughtUp: s.position.caughtUp, delivered: s.position.caughtUp}
		if !began {
			s.place(l, listed.Closed, newest)
		}
		s.lanes[listed.ID] = l
		s.position.places[s.source(listed.ID)] = l.at
	}
	return s.vanished(created)
}

// place sets where a lane begins when the connection begins to follow the stream. A later lane is
// that of a new shard, which is read whole.
func (s *connection) place(l *lane, closed bool, newest string) {
	known, there := s.position.places[segment.Source{Stream: l.shard.Stream, Created: l.shard.Created, Shard: l.shard.ID}]
	switch {
	case s.fresh && s.from == latest:
		l.at, l.begins.Where = place{ended: closed}, stream.Latest
		return
	case there:
		l.at = known
	case !s.fresh && !s.unbegun && l.shard.ID < newest:
		l.at.ended = true // ids rise in the order in which shards are made, so it was delivered
	}
	if complete := s.archivedUpTo(segment.Source{Stream: l.shard.Stream, Created: l.shard.Created, Shard: l.shard.ID}); complete.After(l.caughtUp) {
		l.caughtUp = complete
	}
	if !l.caughtUp.IsZero() && (l.at.sequence != "" || !s.unbegun) {
		l.begins = stream.Position{Where: stream.AtTime, Time: l.caughtUp.Add(-clockMargin)}
	}
}

// newest returns the greatest id of a shard of the position, of the stream that was created then.
func (s *connection) newest(created time.Time) (id string) {
	for source := range s.position.places {
		if source.Created.Equal(created) {
			id = max(id, source.Shard)
		}
	}
	return id
}

// vanished returns errTrimmed if the stream no longer lists a shard that was not delivered to its
// end. One that was is forgotten.
func (s *connection) vanished(created time.Time) error {
	for source, at := range s.position.places {
		current := source.Stream == s.feed.config.Stream && source.Created.Equal(created)
		if current && s.lanes[source.Shard] != nil {
			continue
		}
		if !at.ended && !s.archivedWhole(source, current) {
			return fmt.Errorf("%w: it does not list %s", errTrimmed, source)
		}
		if source.Shard != s.newest(created) || !current {
			delete(s.position.places, source)
		}
	}
	return nil
}
