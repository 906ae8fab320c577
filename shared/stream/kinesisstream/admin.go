package kinesisstream

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"passbook/shared/backoff"
	"passbook/shared/stream"
)

// maxShards is the most shards of a stream: the largest default quota of AWS.
const maxShards = 20000

// firstPoll and lastPoll are the first and the longest pause between two looks at a changing
// stream.
const (
	firstPoll = 100 * time.Millisecond
	lastPoll  = 2 * time.Second
)

// CreateStream creates a stream with so many shards of equal hash ranges and returns when it can be
// used. If the stream exists, also with other shards, it only waits.
func (s *Stream) CreateStream(ctx context.Context, name string, shards int) error {
	if shards < 1 || shards > maxShards {
		return fmt.Errorf("%w: stream %s of %d shards", stream.ErrInvalid, name, shards)
	}
	return s.setup(ctx, "create", name, func(ctx context.Context) error {
		for {
			in := &kinesis.CreateStreamInput{StreamName: &name, ShardCount: aws.Int32(int32(shards))}
			_, err := s.client.CreateStream(ctx, in, s.setting)
			var there *types.ResourceInUseException
			if err != nil && !errors.As(err, &there) {
				return portError(err)
			}
			// A stream that was being deleted is gone after the wait: create it again.
			if err := s.awaitActive(ctx, name); !errors.Is(err, stream.ErrNotFound) {
				return err
			}
			if err := backoff.Sleep(ctx, firstPoll); err != nil {
				return err
			}
		}
	})
}

// DeleteStream removes a stream and its records, and returns when it is gone. It fails with
// stream.ErrNotFound if there is none.
func (s *Stream) DeleteStream(ctx context.Context, name string) error {
	return s.setup(ctx, "delete", name, func(ctx context.Context) error {
		in := &kinesis.DeleteStreamInput{StreamName: &name, EnforceConsumerDeletion: aws.Bool(true)}
		if _, err := s.client.DeleteStream(ctx, in, s.setting); err != nil {
			return portError(err)
		}
		err := s.await(ctx, name, func(*types.StreamDescriptionSummary) bool { return false })
		if errors.Is(err, stream.ErrNotFound) {
			return nil
		}
		return err
	})
}

// Split closes an open shard and opens two in its place, each with half of its hash keys.
func (s *Stream) Split(ctx context.Context, name, shard string) error {
	return s.setup(ctx, "split "+shard+" of", name, func(ctx context.Context) error {
		shards, err := s.Shards(ctx, name)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(shards, func(s stream.Shard) bool { return s.ID == shard })
		if i < 0 {
			return stream.ErrNotFound
		}
		middle := new(big.Int).Add(shards[i].FirstHash, shards[i].LastHash)
		middle.Rsh(middle, 1).Add(middle, big.NewInt(1))
		in := &kinesis.SplitShardInput{StreamName: &name, ShardToSplit: &shard, NewStartingHashKey: aws.String(middle.String())}
		if _, err := s.client.SplitShard(ctx, in, s.setting); err != nil {
			return portError(err)
		}
		return s.awaitActive(ctx, name)
	})
}

// Merge closes two open shards with adjacent hash keys and opens one in their place.
func (s *Stream) Merge(ctx context.Context, name, shard, adjacent string) error {
	return s.setup(ctx, "merge "+shard+" and "+adjacent+" of", name, func(ctx context.Context) error {
		in := &kinesis.MergeShardsInput{StreamName: &name, ShardToMerge: &shard, AdjacentShardToMerge: &adjacent}
		if _, err := s.client.MergeShards(ctx, in, s.setting); err != nil {
			return portError(err)
		}
		return s.awaitActive(ctx, name)
	})
}

// UpdateShardCount splits and merges until a stream has so many open shards of equal hash ranges.
// Kinesis allows at most twice as many as the stream has and at least half, 10 times a day.
func (s *Stream) UpdateShardCount(ctx context.Context, name string, shards int) error {
	if shards < 1 || shards > maxShards {
		return fmt.Errorf("%w: stream %s of %d shards", stream.ErrInvalid, name, shards)
	}
	return s.setup(ctx, "update shard count of", name, func(ctx context.Context) error {
		in := &kinesis.UpdateShardCountInput{
			StreamName: &name, TargetShardCount: aws.Int32(int32(shards)), ScalingType: types.ScalingTypeUniformScaling,
		}
		if _, err := s.client.UpdateShardCount(ctx, in, s.setting); err != nil {
			return portError(err)
		}
		return s.awaitActive(ctx, name)
	})
}

// setup runs a change with a deadline, and wraps its error with the operation and the stream.
func (s *Stream) setup(ctx context.Context, what, name string, change func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, setupDeadline)
	defer cancel()
	if err := change(ctx); err != nil {
		return fmt.Errorf("%s stream %s: %w", what, name, err)
	}
	return nil
}

// awaitActive waits until a stream is ACTIVE, which it is not while it is created or resharded.
func (s *Stream) awaitActive(ctx context.Context, name string) error {
	return s.await(ctx, name, func(d *types.StreamDescriptionSummary) bool { return d.StreamStatus == types.StreamStatusActive })
}

func (s *Stream) await(ctx context.Context, name string, done func(*types.StreamDescriptionSummary) bool) error {
	for wait := firstPoll; ; wait = min(2*wait, lastPoll) {
		summary, err := s.summary(ctx, name)
		if err != nil {
			return err
		}
		if done(summary) {
			return nil
		}
		if err := backoff.Sleep(ctx, wait); err != nil {
			return fmt.Errorf("status %s: %w", summary.StreamStatus, err)
		}
	}
}
