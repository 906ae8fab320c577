package stores

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"passbook/shared/archive"
	"passbook/shared/consumer"
	"passbook/shared/segment"
	"passbook/shared/stream"
)

// shardsAtOnce is how many shards are checked concurrently.
const shardsAtOnce = 16

// renewCommand creates the stream again.
const renewCommand = "replay stream --yes"

// shardEnd is the newest segment of a shard.
type shardEnd struct {
	key     string
	arrived int64
	// ahead means that the archive ends after the checkpoint and the stream.
	ahead bool
}

// checkCurrent checks that the stores were not restored from a copy that is older than the archive.
// Where they are restored together, a stream that never assigned the archive's last sequence
// numbers shows it, and would assign the same numbers again; otherwise the journal shows it, which
// lacks the newest entries.
func (s Set) checkCurrent(ctx context.Context) error {
	newest, ahead, err := s.newest(ctx)
	if err != nil || newest == "" || s.OneDatabase && !ahead {
		return err
	}
	lacking, err := s.missingEntry(ctx, newest)
	switch {
	case segment.Unusable(err): // reported by its readers
		err = nil
	case err == nil && lacking != nil:
		next := restoreCommand + " restores them from the archive"
		if ahead {
			next += "; then " + renewCommand + ", since the stream would assign sequence numbers again"
		}
		return &Disagreement{
			What: fmt.Sprintf("these stores are an older copy than the archive: the journal lacks its entry %s/%s v%d", lacking.Tenant, lacking.AccountID, lacking.First),
			Next: next,
		}
	}
	if err == nil && ahead {
		return &Disagreement{
			What: "the stream is an older copy than the archive, and would assign sequence numbers again that are in it",
			Next: renewCommand + " creates it again, with sequence numbers that were never assigned",
		}
	}
	return err
}

// CheckRenew checks the stores before the stream is created again: the journal must have everything
// that the archive has, since nothing restores it afterwards. tail reports that the stream may have
// records that are not archived yet.
func (s Set) CheckRenew(ctx context.Context) (tail bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	f, err := s.facts(ctx)
	if err == nil {
		err = s.usable(ctx, f)
	}
	if err != nil {
		return false, err
	}
	newest, ahead, err := s.newest(ctx)
	if err != nil || newest == "" {
		return err == nil, err
	}
	if lacking, err := s.missingEntry(ctx, newest); err == nil && lacking != nil {
		return false, s.checkCurrent(ctx)
	} else if err != nil && !segment.Unusable(err) {
		return false, err
	}
	return !ahead, nil
}

// newest returns the segment that arrived last of all, and whether the archive is ahead of the
// stream.
func (s Set) newest(ctx context.Context) (key string, ahead bool, err error) {
	created, err := s.Streams.Created(ctx, s.Stream)
	if errors.Is(err, stream.ErrNotFound) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("creation of %s: %w", s.Stream, err)
	}
	if s.OneDatabase {
		later, err := archive.LaterIncarnation(ctx, s.Bucket, s.Stream, created, time.Now())
		if err != nil || later.Key != "" {
			return later.Key, true, err
		}
	}
	ends, err := s.endsOfShards(ctx, created)
	if err != nil || len(ends) == 0 {
		return "", false, err
	}
	last := slices.MaxFunc(ends, func(a, b shardEnd) int { return cmp.Compare(a.arrived, b.arrived) })
	return last.key, slices.ContainsFunc(ends, func(e shardEnd) bool { return e.ahead }), nil
}

// endsOfShards returns the newest segment of each shard of the stream.
func (s Set) endsOfShards(ctx context.Context, created time.Time) ([]shardEnd, error) {
	shards, err := s.Streams.Shards(ctx, s.Stream)
	if err != nil {
		return nil, fmt.Errorf("shards of %s: %w", s.Stream, err)
	}
	at, err := consumer.Checkpoints(ctx, s.Table, s.Stream, s.Archiver)
	if err != nil {
		return nil, err
	}
	ends := make([]shardEnd, len(shards))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(shardsAtOnce)
	for i, shard := range shards {
		group.Go(func() (err error) {
			ends[i], err = s.endOf(ctx, segment.Source{Stream: s.Stream, Created: created, Shard: shard.ID}, at[shard.ID])
			return err
		})
	}
	err = group.Wait()
	return slices.DeleteFunc(ends, func(e shardEnd) bool { return e.key == "" }), err
}

// endOf returns the newest segment of one shard. Readers report a segment that cannot be read.
func (s Set) endOf(ctx context.Context, source segment.Source, at consumer.Checkpoint) (shardEnd, error) {
	key, footer, err := archive.Last(ctx, s.Bucket, source, time.Now())
	if err != nil || key == "" {
		if segment.Unusable(err) {
			err = nil
		}
		return shardEnd{}, err
	}
	e := shardEnd{key: key, arrived: footer.Arrived.To}
	if !s.OneDatabase || at.Created.Equal(source.Created) && (at.Ended || stream.CompareSequence(at.Sequence, footer.Last) >= 0) {
		return e, nil
	}
	e.ahead, err = s.neverAssigned(ctx, source.Shard, footer)
	return e, err
}

// neverAssigned reports whether the stream has not come to a segment's last sequence number yet, as
// in an older copy of it. A number that the stream does not have may also have expired with records
// that arrived later: then the time of the segment's last record has expired too.
func (s Set) neverAssigned(ctx context.Context, shard string, footer segment.Footer) (bool, error) {
	last := stream.Position{Where: stream.AfterSequence, Sequence: footer.Last}
	if _, err := s.Streams.Iterator(ctx, s.Stream, shard, last); !errors.Is(err, stream.ErrTrimmed) {
		return false, err
	}
	arrived := stream.Position{Where: stream.AtTime, Time: time.UnixMicro(footer.Arrived.To)}
	_, err := s.Streams.Iterator(ctx, s.Stream, shard, arrived)
	if errors.Is(err, stream.ErrTrimmed) {
		return false, nil
	}
	return err == nil, err
}
