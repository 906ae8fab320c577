package kinesisstream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"passbook/shared/backoff"
	"passbook/shared/stream"
)

const (
	// endOfShard is the iterator behind the last record of a closed shard, where Kinesis has none.
	// The iterators of Kinesis are longer.
	endOfShard = "end-of-shard"
	// maxProofReads is how many reads look for the record of a position. If it exists, the first
	// read usually finds it.
	maxProofReads = 5
	// proofPause keeps the reads of one Iterator below the 5 GetRecords a second that all readers
	// of a shard share.
	proofPause = 300 * time.Millisecond
	// shortestRetention is the least retention of Kinesis. A longer one may have been set after
	// records were trimmed, and Kinesis does not tell: so records older than this may be missing.
	shortestRetention = 24 * time.Hour
)

// Iterator implements stream.Stream. An iterator at or after a sequence number costs a
// GetShardIterator and usually one GetRecords; a shard takes 5 of each a second.
func (s *Stream) Iterator(ctx context.Context, name, shard string, at stream.Position) (string, error) {
	iterator, err := s.iterator(ctx, name, shard, at)
	if err != nil {
		return "", fmt.Errorf("iterator on %s of stream %s: %w", shard, name, err)
	}
	return iterator, nil
}

func (s *Stream) iterator(ctx context.Context, name, shard string, at stream.Position) (string, error) {
	in := &kinesis.GetShardIteratorInput{StreamName: &name, ShardId: &shard}
	switch at.Where {
	case stream.TrimHorizon:
		in.ShardIteratorType = types.ShardIteratorTypeTrimHorizon
	case stream.Latest:
		in.ShardIteratorType = types.ShardIteratorTypeLatest
	case stream.AtTime:
		if err := checkRetention(at.Time); err != nil {
			return "", err
		}
		in.ShardIteratorType, in.Timestamp = types.ShardIteratorTypeAtTimestamp, &at.Time
	case stream.AtSequence, stream.AfterSequence:
		if err := stream.CheckSequence(at.Sequence); err != nil {
			return "", err
		}
		in.ShardIteratorType, in.StartingSequenceNumber = types.ShardIteratorTypeAtSequenceNumber, &at.Sequence
		return s.verifiedIterator(ctx, in, at)
	default:
		return "", fmt.Errorf("%w: position %d", stream.ErrInvalid, at.Where)
	}
	iterator, err := s.shardIterator(ctx, in)
	if err != nil {
		return "", portError(err)
	}
	return iterator, nil
}

func (s *Stream) shardIterator(ctx context.Context, in *kinesis.GetShardIteratorInput) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, describeDeadline)
	defer cancel()
	out, err := s.client.GetShardIterator(ctx, in)
	if err != nil {
		return "", err
	}
	return aws.ToString(out.ShardIterator), nil
}

// verifiedIterator returns an iterator at or after a sequence number, after it has read the record:
// otherwise Kinesis would silently begin with the oldest record that it has. The iterator after the
// record is the one that the read returned.
func (s *Stream) verifiedIterator(ctx context.Context, in *kinesis.GetShardIteratorInput, at stream.Position) (string, error) {
	first, err := s.shardIterator(ctx, in)
	var foreign *types.InvalidArgumentException
	if errors.As(err, &foreign) {
		return "", fmt.Errorf("%w: %s was never on this shard: %w", stream.ErrTrimmed, at.Sequence, err)
	}
	if err != nil {
		return "", portError(err)
	}
	for here, reads := first, 1; ; reads++ {
		found, err := s.getRecords(ctx, here, 1)
		if err != nil {
			return "", portError(err)
		}
		next := nextOf(found)
		if len(found.Records) > 0 {
			there := aws.ToString(found.Records[0].SequenceNumber)
			switch order := stream.CompareSequence(there, at.Sequence); {
			case order > 0:
				return "", fmt.Errorf("%w: %s, the next is %s", stream.ErrTrimmed, at.Sequence, there)
			case order == 0 && at.Where == stream.AtSequence:
				return here, nil
			case order == 0:
				return next, nil
			}
			// An emulator may begin a little earlier than asked: no record is lost by that.
		}
		if next == endOfShard || reads == maxProofReads || reads > 1 && len(found.Records) == 0 && behind(found) == 0 {
			// At the end of the shard a second read gives a new record the time to become visible.
			return "", fmt.Errorf("%w: %s was not found", stream.ErrTrimmed, at.Sequence)
		}
		if err := backoff.Sleep(ctx, proofPause); err != nil {
			return "", err
		}
		here = next
	}
}

// checkRetention returns ErrTrimmed if records since a time may be trimmed, now or before the
// iterator expires.
func checkRetention(t time.Time) error {
	if time.Since(t) > shortestRetention-stream.IteratorAge {
		return fmt.Errorf("%w: %s, records may have been kept for 24 h only", stream.ErrTrimmed, t.UTC().Format(time.RFC3339))
	}
	return nil
}

// Get implements stream.Stream by one GetRecords.
func (s *Stream) Get(ctx context.Context, iterator string, limit int) (stream.Batch, error) {
	if err := ctx.Err(); err != nil {
		return stream.Batch{}, err
	}
	if err := stream.CheckGet(limit); err != nil {
		return stream.Batch{}, err
	}
	if iterator == endOfShard {
		return stream.Batch{}, nil
	}
	out, err := s.getRecords(ctx, iterator, limit)
	if err != nil {
		return stream.Batch{}, fmt.Errorf("get records: %w", portError(err))
	}
	records, err := delivered(out.Records)
	if err != nil {
		return stream.Batch{}, fmt.Errorf("get records: %w", err)
	}
	return stream.Batch{Records: records, Next: aws.ToString(out.NextShardIterator), Behind: behind(out)}, nil
}

// delivered returns the records of an answer.
func delivered(records []types.Record) ([]stream.Delivered, error) {
	got := make([]stream.Delivered, len(records))
	for i, r := range records {
		if err := stream.CheckSequence(aws.ToString(r.SequenceNumber)); err != nil {
			return nil, fmt.Errorf("%w: %w", errForeign, err)
		}
		got[i] = stream.Delivered{
			Record:   stream.Record{PartitionKey: aws.ToString(r.PartitionKey), Data: r.Data},
			Sequence: aws.ToString(r.SequenceNumber),
			Arrived:  aws.ToTime(r.ApproximateArrivalTimestamp).UTC(),
		}
	}
	return got, nil
}

// errForeign: the endpoint is not Kinesis. No record of such a batch is returned: a checkpoint or
// segment with an invalid sequence number could not be found again.
var errForeign = errors.New("the endpoint returned an invalid sequence number; this shard cannot be read from it")

func (s *Stream) getRecords(ctx context.Context, iterator string, limit int) (*kinesis.GetRecordsOutput, error) {
	ctx, cancel := context.WithTimeout(ctx, getDeadline)
	defer cancel()
	return s.client.GetRecords(ctx, &kinesis.GetRecordsInput{ShardIterator: &iterator, Limit: aws.Int32(int32(limit))})
}

// nextOf returns the iterator for the next read in the form that Iterator returns, which is never
// empty.
func nextOf(out *kinesis.GetRecordsOutput) string {
	if out.NextShardIterator == nil {
		return endOfShard
	}
	return *out.NextShardIterator
}

func behind(out *kinesis.GetRecordsOutput) time.Duration {
	return time.Duration(aws.ToInt64(out.MillisBehindLatest)) * time.Millisecond
}
