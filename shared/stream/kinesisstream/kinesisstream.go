package kinesisstream

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"passbook/shared/stream"
)

// The deadlines of single calls, and how often the SDK tries those that it repeats.
const (
	putDeadline      = 5 * time.Second
	describeDeadline = 5 * time.Second
	getDeadline      = 15 * time.Second
	setupDeadline    = 2 * time.Minute
	describeAttempts = 3
	setupAttempts    = 5
)

// Stream implements stream.Stream. Several may be open on one account and region. It is safe for
// concurrent use.
type Stream struct {
	client *kinesis.Client
	// describing and setting are options of calls that the SDK repeats. Other calls are tried once.
	describing, setting func(*kinesis.Options)
}

var _ stream.Stream = (*Stream)(nil)

// New returns a Stream for the configuration of the SDK: region, credentials, endpoint. It calls no
// service.
func New(c aws.Config) *Stream {
	client := kinesis.NewFromConfig(c, func(o *kinesis.Options) { o.Retryer = aws.NopRetryer{} })
	return &Stream{client: client, describing: attempts(describeAttempts), setting: attempts(setupAttempts)}
}

func attempts(n int) func(*kinesis.Options) {
	retryer := retry.NewStandard(func(o *retry.StandardOptions) { o.MaxAttempts = n })
	return func(o *kinesis.Options) { o.Retryer = retryer }
}

// Endpoint returns the endpoint that the configuration names, "" for that of AWS.
func (s *Stream) Endpoint() string { return aws.ToString(s.client.Options().BaseEndpoint) }

// Put implements stream.Stream by one PutRecords.
func (s *Stream) Put(ctx context.Context, name string, records []stream.Record) ([]stream.PutResult, error) {
	if err := stream.CheckPut(records); err != nil {
		return nil, err
	}
	in := &kinesis.PutRecordsInput{StreamName: &name, Records: make([]types.PutRecordsRequestEntry, len(records))}
	for i, r := range records {
		in.Records[i] = types.PutRecordsRequestEntry{PartitionKey: &records[i].PartitionKey, Data: r.Data}
		if r.Data == nil {
			in.Records[i].Data = []byte{} // the SDK refuses nil
		}
	}
	ctx, cancel := context.WithTimeout(ctx, putDeadline)
	defer cancel()
	out, err := s.client.PutRecords(ctx, in)
	if err != nil {
		return nil, fmt.Errorf("put %d records on stream %s: %w", len(records), name, portError(err))
	}
	if len(out.Records) != len(records) {
		return nil, fmt.Errorf("put %d records on stream %s: %d results", len(records), name, len(out.Records))
	}
	results := make([]stream.PutResult, len(records))
	for i, r := range out.Records {
		results[i] = result(r)
	}
	return results, nil
}

// result returns the result of one record.
func result(r types.PutRecordsResultEntry) stream.PutResult {
	code := aws.ToString(r.ErrorCode)
	switch {
	case code == "":
		return stream.PutResult{Shard: aws.ToString(r.ShardId), Sequence: aws.ToString(r.SequenceNumber)}
	case throttles(code):
		return stream.PutResult{Err: fmt.Errorf("%w: %s: %s", stream.ErrThrottled, code, aws.ToString(r.ErrorMessage))}
	}
	return stream.PutResult{Err: fmt.Errorf("put record: %s: %s", code, aws.ToString(r.ErrorMessage))}
}

// Shards implements stream.Stream by ListShards, all pages.
func (s *Stream) Shards(ctx context.Context, name string) ([]stream.Shard, error) {
	var shards []stream.Shard
	for in := (&kinesis.ListShardsInput{StreamName: &name}); ; {
		page, err := s.listShards(ctx, in)
		if err != nil {
			return nil, fmt.Errorf("list shards of stream %s: %w", name, portError(err))
		}
		for _, listed := range page.Shards {
			shard, err := portShard(listed)
			if err != nil {
				return nil, fmt.Errorf("list shards of stream %s: %w", name, err)
			}
			shards = append(shards, shard)
		}
		if page.NextToken == nil {
			return shards, nil
		}
		// Kinesis refuses the name together with a token.
		in = &kinesis.ListShardsInput{NextToken: page.NextToken}
	}
}

func (s *Stream) listShards(ctx context.Context, in *kinesis.ListShardsInput) (*kinesis.ListShardsOutput, error) {
	ctx, cancel := context.WithTimeout(ctx, describeDeadline)
	defer cancel()
	return s.client.ListShards(ctx, in, s.describing)
}

func portShard(in types.Shard) (stream.Shard, error) {
	out := stream.Shard{ID: aws.ToString(in.ShardId)}
	if in.HashKeyRange == nil || in.SequenceNumberRange == nil {
		return out, fmt.Errorf("shard %s has no ranges", out.ID)
	}
	var first, last bool
	out.FirstHash, first = new(big.Int).SetString(aws.ToString(in.HashKeyRange.StartingHashKey), 10)
	out.LastHash, last = new(big.Int).SetString(aws.ToString(in.HashKeyRange.EndingHashKey), 10)
	if !first || !last {
		return out, fmt.Errorf("shard %s: hash keys %q to %q", out.ID, *in.HashKeyRange.StartingHashKey, *in.HashKeyRange.EndingHashKey)
	}
	for _, parent := range []*string{in.ParentShardId, in.AdjacentParentShardId} {
		if parent != nil {
			out.Parents = append(out.Parents, *parent)
		}
	}
	out.Closed = in.SequenceNumberRange.EndingSequenceNumber != nil
	return out, nil
}

// Created implements stream.Stream.
func (s *Stream) Created(ctx context.Context, name string) (time.Time, error) {
	summary, err := s.summary(ctx, name)
	if err != nil {
		return time.Time{}, fmt.Errorf("creation of stream %s: %w", name, err)
	}
	return aws.ToTime(summary.StreamCreationTimestamp).UTC().Truncate(time.Second), nil
}

// Check returns an error that names the stream if it does not exist, which is stream.ErrNotFound,
// or if the caller may not use it.
func (s *Stream) Check(ctx context.Context, name string) error {
	if _, err := s.summary(ctx, name); err != nil {
		return fmt.Errorf("check stream %s: %w", name, err)
	}
	return nil
}

// summary returns the description of a stream. Kinesis takes 20 such calls a second from an
// account.
func (s *Stream) summary(ctx context.Context, name string) (*types.StreamDescriptionSummary, error) {
	ctx, cancel := context.WithTimeout(ctx, describeDeadline)
	defer cancel()
	out, err := s.client.DescribeStreamSummary(ctx, &kinesis.DescribeStreamSummaryInput{StreamName: &name}, s.describing)
	if err != nil {
		return nil, portError(err)
	}
	if out.StreamDescriptionSummary == nil {
		return nil, errors.New("the answer has no description")
	}
	return out.StreamDescriptionSummary, nil
}
