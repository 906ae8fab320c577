package faults

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"passbook/shared/stream"
)

// putUnit is the bytes of one PUT payload unit of Kinesis.
const putUnit = 25 << 10

// LimitedStreams is the streams as all processes share them, with the limits of each shard. It is
// safe for concurrent use.
type LimitedStreams struct {
	inner  stream.Stream
	limits Limits
	spent  budgets
}

// NewLimitedStreams returns a decorator of a store of streams. Zero limits mean AWS.
func NewLimitedStreams(inner stream.Stream, limits Limits) *LimitedStreams {
	if limits == (Limits{}) {
		limits = AWS
	}
	return &LimitedStreams{inner: inner, limits: limits}
}

// limitedStream is the streams as one process sees them. It implements stream.Stream.
type limitedStream struct {
	*LimitedStreams
	client *Client
}

// Stream returns the process's handle on the streams.
func (c *Client) Stream(s *LimitedStreams) stream.Stream {
	return &limitedStream{LimitedStreams: s, client: c}
}

// Put implements stream.Stream. A record over the limit of its shard is refused by itself: a small
// one may pass after a large one that did not.
func (s *limitedStream) Put(ctx context.Context, name string, records []stream.Record) ([]stream.PutResult, error) {
	if err := stream.CheckPut(records); err != nil {
		return nil, err
	}
	return send(ctx, s.client, func(ctx context.Context) ([]stream.PutResult, error) {
		shards, err := s.inner.Shards(ctx, name)
		if err != nil {
			return nil, err
		}
		results := make([]stream.PutResult, len(records))
		var granted []stream.Record
		var places []int
		for i, r := range records {
			if results[i].Err = s.admit(name, shards, r); results[i].Err == nil {
				granted, places = append(granted, r), append(places, i)
			}
		}
		if len(granted) == 0 {
			return results, nil
		}
		puts, err := s.inner.Put(ctx, name, granted)
		if err != nil {
			return nil, err
		}
		for i, put := range puts {
			results[places[i]] = put
			if put.Err == nil {
				s.client.count(Records, name, 1)
				s.client.count(PutUnits, name, units(len(granted[i].Data), putUnit))
			}
		}
		return results, nil
	})
}

// admit takes the units that a record needs from its shard, or returns stream.ErrThrottled.
func (s *limitedStream) admit(name string, shards []stream.Shard, r stream.Record) error {
	at := name + "/" + shardOf(shards, r)
	bytes := float64(len(r.PartitionKey) + len(r.Data))
	refused := s.spent.take(charge{at + "/records", s.limits.ShardRecords, 1}, charge{at + "/bytes", s.limits.ShardBytes, bytes})
	if refused < 0 {
		return nil
	}
	s.client.count(Throttled, name, 1)
	return stream.ErrThrottled
}

// shardOf returns the open shard that takes a record.
func shardOf(shards []stream.Shard, r stream.Record) string {
	key := stream.HashKey(r.PartitionKey)
	for _, shard := range shards {
		if !shard.Closed && key.Cmp(shard.FirstHash) >= 0 && key.Cmp(shard.LastHash) <= 0 {
			return shard.ID
		}
	}
	return ""
}

// Shards implements stream.Stream.
func (s *limitedStream) Shards(ctx context.Context, name string) ([]stream.Shard, error) {
	return send(ctx, s.client, func(ctx context.Context) ([]stream.Shard, error) { return s.inner.Shards(ctx, name) })
}

// Created implements stream.Stream.
func (s *limitedStream) Created(ctx context.Context, name string) (time.Time, error) {
	return send(ctx, s.client, func(ctx context.Context) (time.Time, error) { return s.inner.Created(ctx, name) })
}

// Iterator implements stream.Stream. An iterator names its shard, so that a read by any process
// counts there.
func (s *limitedStream) Iterator(ctx context.Context, name, shard string, at stream.Position) (string, error) {
	return send(ctx, s.client, func(ctx context.Context) (string, error) {
		if s.spent.take(charge{name + "/" + shard + "/iterators", s.limits.ShardIterators, 1}) >= 0 {
			s.client.count(Throttled, name, 1)
			return "", stream.ErrThrottled
		}
		inner, err := s.inner.Iterator(ctx, name, shard, at)
		if err != nil {
			return "", err
		}
		return wrap(name, shard, inner), nil
	})
}

// Get implements stream.Stream. The bytes of an answer beyond those of one second are taken from
// the seconds after it.
func (s *limitedStream) Get(ctx context.Context, iterator string, limit int) (stream.Batch, error) {
	name, shard, inner, err := unwrap(iterator)
	if err != nil {
		return stream.Batch{}, err
	}
	return send(ctx, s.client, func(ctx context.Context) (stream.Batch, error) {
		at := name + "/" + shard
		calls := charge{at + "/gets", s.limits.ShardGets, 1}
		bytes := charge{of: at + "/get bytes", rate: s.limits.ShardGetBytes}
		if s.spent.take(calls, bytes) >= 0 {
			s.client.count(Throttled, name, 1)
			return stream.Batch{}, stream.ErrThrottled
		}
		s.client.count(Gets, name, 1)
		batch, err := s.inner.Get(ctx, inner, limit)
		if err != nil {
			return batch, err
		}
		for _, r := range batch.Records {
			bytes.units -= float64(len(r.PartitionKey) + len(r.Data))
		}
		s.spent.refund(bytes)
		if batch.Next != "" {
			batch.Next = wrap(name, shard, batch.Next)
		}
		return batch, nil
	})
}

func wrap(name, shard, iterator string) string {
	return strings.Join([]string{name, shard, iterator}, "\n")
}

var errForeign = errors.New("the iterator is not of this store")

func unwrap(iterator string) (name, shard, inner string, err error) {
	parts := strings.SplitN(iterator, "\n", 3)
	if len(parts) != 3 {
		return "", "", "", fmt.Errorf("%w: %w", stream.ErrInvalid, errForeign)
	}
	return parts[0], parts[1], parts[2], nil
}
