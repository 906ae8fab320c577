package jobs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"passbook/archiver"
	"passbook/cmd/internal/deployment"
	"passbook/shared/backoff"
	"passbook/shared/consumer"
	"passbook/shared/origin"
	"passbook/shared/stream"
)

// tailEvery is how often the archiver is asked whether it has reached the end of the stream.
const tailEvery = 100 * time.Millisecond

// archiveTail archives what is on the stream and in no segment yet: a bank that was killed leaves
// it there, and a journal restored without it would give its versions to other events. Nobody
// writes, so the stream does not grow. Archivers of other processes may run at the same time; this
// one shares the shards with them.
func (b Bank) archiveTail(ctx context.Context) error {
	tips, err := b.tips(ctx)
	if err != nil || len(tips) == 0 {
		return err
	}
	keeper, err := origin.Open(ctx, origin.Config{Table: b.Table, Keys: b.Keys, Journal: b.Journal, Log: b.Log})
	if err != nil {
		return err
	}
	a, err := archiver.New(archiver.Config{
		Bucket: b.Bucket, Bank: keeper.Bank(), Format: keeper.Format, SegmentBytes: int64(b.Config.SegmentBytes), SegmentAge: b.Config.SegmentAge,
	})
	if err != nil {
		return err
	}
	worker := consumer.New(consumer.Config{
		Runtime: consumer.Runtime{
			Stream: b.Config.Stream(deployment.EventStream), Owner: "job/" + uuid.NewString(),
			Lease: b.Config.Lease, Exclusive: b.Exclusive, Table: b.Table, Streams: b.Streams, Origin: keeper,
		},
		Name: archiver.Name, Open: a.Open,
	})
	running, stop := context.WithCancel(ctx)
	ended, kept := make(chan error, 1), make(chan error, 1)
	go func() { ended <- worker.Run(running) }()
	go func() { kept <- keeper.Run(running) }()
	waitErr := b.sealUntil(ctx, a, tips, ended)
	stop()
	return errors.Join(waitErr, <-ended, <-kept)
}

// sealUntil makes the archiver seal what it reads until it has read every shard to its tip. If the
// worker ends first, its error is left in ended.
func (b Bank) sealUntil(ctx context.Context, a *archiver.Archiver, tips map[string]string, ended chan error) error {
	tick := time.NewTicker(tailEvery)
	defer tick.Stop()
	for {
		// the next owner of the shard, or its children, continue
		if err := a.Flush(ctx); err != nil && !errors.Is(err, archiver.ErrHandedOver) {
			return fmt.Errorf("archive the stream's tail: %w", err)
		}
		if err := a.Suspended(); err != nil {
			return fmt.Errorf("archive the stream's tail: %w", err)
		}
		behind, err := b.behind(ctx, tips)
		if err != nil || !behind {
			return err
		}
		select {
		case <-tick.C:
		case err := <-ended:
			ended <- err
			return errors.New("archive the stream's tail: the archiver ended before the stream did")
		case <-ctx.Done():
			return fmt.Errorf("archive the stream's tail: %w", ctx.Err())
		}
	}
}

// behind reports whether one of the archiver's checkpoints is before its tip.
func (b Bank) behind(ctx context.Context, tips map[string]string) (bool, error) {
	shards, err := consumer.Status(ctx, b.Table, b.Config.Stream(deployment.EventStream), archiver.Name)
	if err != nil {
		return false, err
	}
	left := len(tips)
	for _, s := range shards {
		tip, wanted := tips[s.Shard]
		if wanted && (s.Ended || stream.CompareSequence(s.Checkpoint, tip) >= 0) {
			left--
		}
	}
	return left > 0, nil
}

// tips returns the last sequence numbers of the shards that hold more than the archiver has sealed.
// There are none if there is no stream.
func (b Bank) tips(ctx context.Context) (map[string]string, error) {
	name := b.Config.Stream(deployment.EventStream)
	shards, err := b.Streams.Shards(ctx, name)
	if errors.Is(err, stream.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("find the end of the stream: %w", err)
	}
	known, err := consumer.Status(ctx, b.Table, name, archiver.Name)
	if err != nil {
		return nil, err
	}
	sealed, ended := make(map[string]string), make(map[string]bool)
	for _, s := range known {
		sealed[s.Shard], ended[s.Shard] = s.Checkpoint, s.Ended
	}
	tips := make(map[string]string)
	for _, shard := range shards {
		if ended[shard.ID] { // all of it is sealed
			continue
		}
		tip, err := b.tip(ctx, name, shard.ID, sealed[shard.ID])
		if err != nil {
			return nil, fmt.Errorf("find the end of %s: %w", shard.ID, err)
		}
		if tip != "" {
			tips[shard.ID] = tip
		}
	}
	return tips, nil
}

// tip returns the last sequence number of a shard after the given one, "" if there is none.
func (b Bank) tip(ctx context.Context, name, shard, after string) (tip string, err error) {
	at := stream.Position{Where: stream.TrimHorizon}
	if after != "" {
		at = stream.Position{Where: stream.AfterSequence, Sequence: after}
	}
	next, err := b.iterator(ctx, name, shard, at)
	if errors.Is(err, stream.ErrTrimmed) {
		next, err = b.iterator(ctx, name, shard, stream.Position{Where: stream.TrimHorizon})
	}
	_, wakes := b.Streams.(stream.Notifier)
	for err == nil && next != "" {
		var batch stream.Batch
		if batch, err = b.read(ctx, next); err != nil {
			break
		}
		if n := len(batch.Records); n > 0 {
			tip = batch.Records[n-1].Sequence
		} else if batch.Behind == 0 {
			break
		}
		if next = batch.Next; !wakes {
			err = backoff.Sleep(ctx, consumer.PollEvery) // others read the shard too
		}
	}
	return tip, err
}

func (b Bank) iterator(ctx context.Context, name, shard string, at stream.Position) (string, error) {
	return retryThrottled(ctx, func() (string, error) { return b.Streams.Iterator(ctx, name, shard, at) })
}

func (b Bank) read(ctx context.Context, iterator string) (stream.Batch, error) {
	return retryThrottled(ctx, func() (stream.Batch, error) { return b.Streams.Get(ctx, iterator, stream.MaxGetRecords) })
}
