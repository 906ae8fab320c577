package stream

import (
	"context"
	"errors"
	"time"
)

const (
	// MaxConsumers is the most registered consumers of a stream (Kinesis: 20).
	MaxConsumers = 20
	// SubscriptionAge is how long a subscription lasts (Kinesis: 5 minutes).
	SubscriptionAge = 5 * time.Minute
)

// ErrFull: the stream has as many registered consumers as it can have.
var ErrFull = errors.New("stream: too many registered consumers")

// Consumer is a registered consumer of a stream.
type Consumer struct {
	Name string
	// Created is when it was registered, by the stream's clock.
	Created time.Time
}

// Subscriber is an optional part of an adapter that sends the records of a shard to registered
// consumers as they arrive, which takes nothing from the limits of Get: enhanced fan-out on
// Kinesis. A stream has up to MaxConsumers.
type Subscriber interface {
	// Register registers a consumer and returns when it can subscribe. One that is registered
	// stays. If there are too many it returns ErrFull.
	Register(ctx context.Context, stream, consumer string) error
	// Deregister removes a consumer, which can subscribe no more. It is no error if there is none.
	Deregister(ctx context.Context, stream, consumer string) error
	// Consumers lists the registered consumers of a stream.
	Consumers(ctx context.Context, stream string) ([]Consumer, error)
	// Subscribe opens a subscription of a registered consumer to a shard. A later one of the same
	// consumer and shard takes its place. A position that was trimmed is moved to the oldest record
	// without an error: subscribe at Latest, at a recent time, or where you have read not long ago.
	Subscribe(ctx context.Context, stream, consumer, shard string, at Position) (Subscription, error)
}

// Subscription receives the records of a shard. One caller may use it at a time.
type Subscription interface {
	// Receive waits for the next batch, which may be empty. Its Next is the sequence number after
	// which to subscribe again; empty if a closed shard was read to its end. ErrExpiredIterator
	// tells that the subscription has ended, by its age or by a later one.
	Receive(ctx context.Context) (Batch, error)
	// Close ends the subscription.
	Close() error
}
