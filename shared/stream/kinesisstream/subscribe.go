package kinesisstream

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"passbook/shared/backoff"
	"passbook/shared/stream"
)

// registerDeadline bounds the registration of a consumer, which Kinesis makes in a few seconds.
const registerDeadline = 30 * time.Second

var _ stream.Subscriber = (*Stream)(nil)

// Register implements stream.Subscriber by RegisterStreamConsumer.
func (s *Stream) Register(ctx context.Context, name, consumer string) error {
	ctx, cancel := context.WithTimeout(ctx, registerDeadline)
	defer cancel()
	if err := s.register(ctx, name, consumer); err != nil {
		return fmt.Errorf("register consumer %s of stream %s: %w", consumer, name, err)
	}
	return nil
}

func (s *Stream) register(ctx context.Context, name, consumer string) error {
	arn, err := s.arn(ctx, name)
	if err != nil {
		return err
	}
	if _, err := s.consumer(ctx, arn, consumer); errors.Is(err, stream.ErrNotFound) {
		_, err := s.client.RegisterStreamConsumer(ctx, &kinesis.RegisterStreamConsumerInput{StreamARN: &arn, ConsumerName: &consumer}, s.describing)
		var there *types.ResourceInUseException
		var full *types.LimitExceededException
		switch {
		case errors.As(err, &full):
			return fmt.Errorf("%w: %w", stream.ErrFull, err)
		case err != nil && !errors.As(err, &there):
			return portError(err)
		}
	} else if err != nil {
		return err
	}
	return s.awaitConsumer(ctx, arn, consumer)
}

// awaitConsumer waits until a consumer can subscribe.
func (s *Stream) awaitConsumer(ctx context.Context, arn, consumer string) error {
	for wait := firstPoll; ; wait = min(2*wait, lastPoll) {
		found, err := s.consumer(ctx, arn, consumer)
		if err != nil {
			return err
		}
		if found.ConsumerStatus == types.ConsumerStatusActive {
			return nil
		}
		if err := backoff.Sleep(ctx, wait); err != nil {
			return fmt.Errorf("status %s: %w", found.ConsumerStatus, err)
		}
	}
}

// Deregister implements stream.Subscriber by DeregisterStreamConsumer.
func (s *Stream) Deregister(ctx context.Context, name, consumer string) error {
	ctx, cancel := context.WithTimeout(ctx, registerDeadline)
	defer cancel()
	arn, err := s.arn(ctx, name)
	if err == nil {
		_, err = s.client.DeregisterStreamConsumer(ctx, &kinesis.DeregisterStreamConsumerInput{StreamARN: &arn, ConsumerName: &consumer}, s.describing)
		err = portError(err)
	}
	if err != nil && !errors.Is(err, stream.ErrNotFound) {
		return fmt.Errorf("deregister consumer %s of stream %s: %w", consumer, name, err)
	}
	return nil
}

// Consumers implements stream.Subscriber by ListStreamConsumers, all pages.
func (s *Stream) Consumers(ctx context.Context, name string) (consumers []stream.Consumer, err error) {
	ctx, cancel := context.WithTimeout(ctx, registerDeadline)
	defer cancel()
	arn, err := s.arn(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("list the consumers of stream %s: %w", name, err)
	}
	pages := kinesis.NewListStreamConsumersPaginator(s.client, &kinesis.ListStreamConsumersInput{StreamARN: &arn})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx, s.describing)
		if err != nil {
			return nil, fmt.Errorf("list the consumers of stream %s: %w", name, portError(err))
		}
		for _, c := range page.Consumers {
			consumers = append(consumers, stream.Consumer{Name: aws.ToString(c.ConsumerName), Created: aws.ToTime(c.ConsumerCreationTimestamp).UTC()})
		}
	}
	return consumers, nil
}

// arn returns the ARN of a stream.
func (s *Stream) arn(ctx context.Context, name string) (string, error) {
	summary, err := s.summary(ctx, name)
	if err != nil {
		return "", err
	}
	return aws.ToString(summary.StreamARN), nil
}

func (s *Stream) consumer(ctx context.Context, arn, consumer string) (*types.ConsumerDescription, error) {
	out, err := s.client.DescribeStreamConsumer(ctx, &kinesis.DescribeStreamConsumerInput{StreamARN: &arn, ConsumerName: &consumer}, s.describing)
	if err != nil {
		return nil, portError(err)
	}
	if out.ConsumerDescription == nil {
		return nil, errors.New("the answer has no description")
	}
	return out.ConsumerDescription, nil
}

// Subscribe implements stream.Subscriber by SubscribeToShard. Kinesis takes a call a second for
// each consumer and shard, and refuses one within 5 s of another: ErrThrottled.
func (s *Stream) Subscribe(ctx context.Context, name, consumer, shard string, at stream.Position) (stream.Subscription, error) {
	opened, err := s.subscribe(ctx, name, consumer, shard, at)
	if err != nil {
		return nil, fmt.Errorf("subscribe %s to %s of stream %s: %w", consumer, shard, name, err)
	}
	return opened, nil
}

func (s *Stream) subscribe(ctx context.Context, name, consumer, shard string, at stream.Position) (*subscription, error) {
	start := &types.StartingPosition{}
	switch at.Where {
	case stream.TrimHorizon:
		start.Type = types.ShardIteratorTypeTrimHorizon
	case stream.Latest:
		start.Type = types.ShardIteratorTypeLatest
	case stream.AtTime:
		start.Type, start.Timestamp = types.ShardIteratorTypeAtTimestamp, &at.Time
	case stream.AtSequence, stream.AfterSequence:
		if err := stream.CheckSequence(at.Sequence); err != nil {
			return nil, err
		}
		start.Type, start.SequenceNumber = types.ShardIteratorTypeAtSequenceNumber, &at.Sequence
		if at.Where == stream.AfterSequence {
			start.Type = types.ShardIteratorTypeAfterSequenceNumber
		}
	default:
		return nil, fmt.Errorf("%w: position %d", stream.ErrInvalid, at.Where)
	}
	arn, err := s.arn(ctx, name)
	if err != nil {
		return nil, err
	}
	registered, err := s.consumer(ctx, arn, consumer)
	if err != nil {
		return nil, err
	}
	return s.connect(ctx, &kinesis.SubscribeToShardInput{ConsumerARN: registered.ConsumerARN, ShardId: &shard, StartingPosition: start})
}

// connect opens a subscription. Its context lasts as long as the subscription may, and ends with
// the caller's only until it is open.
func (s *Stream) connect(ctx context.Context, in *kinesis.SubscribeToShardInput) (*subscription, error) {
	life, cancel := context.WithTimeout(context.WithoutCancel(ctx), stream.SubscriptionAge+getDeadline)
	opening, opened := context.WithTimeout(ctx, describeDeadline)
	defer opened()
	stop := context.AfterFunc(opening, cancel)
	out, err := s.client.SubscribeToShard(life, in)
	if !stop() && err == nil {
		err = errors.Join(opening.Err(), out.GetStream().Close())
	}
	if err != nil {
		cancel()
		var busy *types.ResourceInUseException
		if errors.As(err, &busy) {
			return nil, fmt.Errorf("%w: %w", stream.ErrThrottled, err)
		}
		return nil, portError(err)
	}
	return &subscription{streams: s, in: in, opened: time.Now(), events: out.GetStream(), cancel: cancel}, nil
}

// subscription implements stream.Subscription.
type subscription struct {
	streams *Stream
	in      *kinesis.SubscribeToShardInput
	opened  time.Time
	events  *kinesis.SubscribeToShardEventStream
	cancel  context.CancelFunc
	next    string
	ended   bool
}

// Receive implements stream.Subscription.
func (s *subscription) Receive(ctx context.Context) (stream.Batch, error) {
	if s.ended {
		return stream.Batch{}, nil
	}
	for {
		select {
		case <-ctx.Done():
			return stream.Batch{}, ctx.Err()
		case got, ok := <-s.events.Events():
			if !ok {
				return s.closed(ctx)
			}
			if sent, ok := got.(*types.SubscribeToShardEventStreamMemberSubscribeToShardEvent); ok {
				return s.batch(sent.Value)
			}
		}
	}
}

// closed returns what it means that no more events come. Kinesis ends a shard with its children,
// but an emulator may end it without a word: a read then tells whether it is the end.
func (s *subscription) closed(ctx context.Context) (stream.Batch, error) {
	expired := errors.Join(fmt.Errorf("%w: the subscription has ended", stream.ErrExpiredIterator), portError(s.events.Err()))
	if s.events.Err() != nil || s.next == "" || time.Since(s.opened) > stream.SubscriptionAge-getDeadline {
		return stream.Batch{}, expired
	}
	iterator, err := s.streams.shardIterator(ctx, &kinesis.GetShardIteratorInput{
		StreamARN: aws.String(strings.Split(aws.ToString(s.in.ConsumerARN), "/consumer/")[0]), ShardId: s.in.ShardId,
		ShardIteratorType: types.ShardIteratorTypeAfterSequenceNumber, StartingSequenceNumber: &s.next,
	})
	if err != nil {
		return stream.Batch{}, errors.Join(expired, portError(err))
	}
	found, err := s.streams.getRecords(ctx, iterator, 1)
	if err != nil {
		return stream.Batch{}, errors.Join(expired, portError(err))
	}
	if len(found.Records) > 0 || nextOf(found) != endOfShard {
		return stream.Batch{}, expired
	}
	s.ended = true
	return stream.Batch{}, nil
}

func (s *subscription) batch(sent types.SubscribeToShardEvent) (stream.Batch, error) {
	b := stream.Batch{Next: aws.ToString(sent.ContinuationSequenceNumber), Behind: time.Duration(aws.ToInt64(sent.MillisBehindLatest)) * time.Millisecond}
	if len(sent.ChildShards) > 0 {
		b.Next = ""
	}
	s.next, s.ended = b.Next, b.Next == ""
	records, err := delivered(sent.Records)
	if err != nil {
		return stream.Batch{}, fmt.Errorf("receive records: %w", err)
	}
	b.Records = records
	return b, nil
}

// Close implements stream.Subscription.
func (s *subscription) Close() error {
	err := s.events.Close()
	s.cancel()
	if err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("close a subscription: %w", err)
	}
	return nil
}
