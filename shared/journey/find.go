package journey

import (
	"context"
	"fmt"
	"time"

	"passbook/shared/api"
	"passbook/shared/event"
	"passbook/shared/segment"
	"passbook/shared/stream"
)

const (
	// listPages bounds the pages of keys of a day, and footers the segments of which the footer is
	// read; beyond them the row is not found.
	listPages  = 10
	maxFooters = 64
	// clockMargin is how far the clocks of a writer and of the stream may be apart.
	clockMargin = 2 * time.Second
	// streamPages bounds the reads of a shard.
	streamPages = 2
)

// place is where an event is in the archive and on the stream.
type place struct {
	record Record
	row    Row
}

// archived returns where the event is in the archive, nil when it was not found there.
func (j *Journeys) archived(ctx context.Context, of event.Account, ev event.Event, entry *event.Entry) (*place, error) {
	if j.config.Bucket == nil {
		return nil, nil
	}
	names, err := j.segments(ctx, entry.RecordedAt)
	if err != nil {
		return nil, err
	}
	at := entry.RecordedAt.UnixMicro()
	for i, name := range names {
		if i == maxFooters {
			return nil, fmt.Errorf("the archive has more than %d segments of that day", maxFooters)
		}
		footer, err := segment.ReadFooter(ctx, j.config.Bucket, name.key)
		if err != nil {
			return nil, err
		}
		if at < footer.Recorded.From || at > footer.Recorded.To {
			continue
		}
		found, err := j.within(ctx, name, of, ev.Version)
		if err != nil || found != nil {
			return found, err
		}
	}
	return nil, nil
}

// named is a segment by its key, with its size.
type named struct {
	key   string
	bytes int64
	segment.Name
}

// segments lists the segments of the stream that may have a record of an instant: those that begin
// on its day, and on the day after, where it arrived shortly after midnight.
func (j *Journeys) segments(ctx context.Context, at time.Time) (list []named, err error) {
	days := []time.Time{at}
	if next := at.Add(time.Hour); next.UTC().Day() != at.UTC().Day() {
		days = append(days, next)
	}
	for _, day := range days {
		for _, root := range segment.Roots() {
			after := ""
			for range listPages {
				page, err := j.config.Bucket.List(ctx, root+segment.DayPrefix(day)+j.config.Stream+"-", after)
				if err != nil {
					return nil, fmt.Errorf("list the archive of %s: %w", day.Format(time.DateOnly), err)
				}
				for _, object := range page.Objects {
					if name, err := segment.ParseKey(object.Key); err == nil && name.Stream == j.config.Stream {
						list = append(list, named{object.Key, object.Size, name})
					}
				}
				if after = page.After; after == "" {
					break
				}
			}
		}
	}
	return list, nil
}

// within returns where a segment has the event, nil for nowhere. One segment is in memory at once.
func (j *Journeys) within(ctx context.Context, name named, of event.Account, version int64) (*place, error) {
	select {
	case j.opened <- struct{}{}:
		defer func() { <-j.opened }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	s, err := segment.Open(ctx, j.config.Bucket, name.key)
	if err != nil {
		return nil, err
	}
	row := int64(0)
	for record, err := range s.Records(segment.FoldOnly) {
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", name.key, err)
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		e := record.Entry
		if e.Account() != of || version < e.First || version > e.Last {
			row += int64(len(e.Events))
			continue
		}
		found := &place{
			record: Record{Shard: name.Shard, Sequence: record.Sequence, ArrivedAt: api.Time{Time: record.Arrived}},
			row:    Row{Object: name.key, Row: row + version - e.First, Rows: s.Footer.Rows, Bytes: name.bytes},
		}
		if !s.Footer.Root.IsZero() {
			found.row.Root = s.Footer.Root.String()
		}
		return found, nil
	}
	return nil, nil
}

// streamed returns the entry's record, nil when it was not found. It reads the shards that take the
// account's records, from shortly before the commit, a few pages of each; and not more often than
// the consumers of the stream leave room for.
func (j *Journeys) streamed(ctx context.Context, of event.Account, entry *event.Entry) (*Record, error) {
	shards, err := j.config.Streams.Shards(ctx, j.config.Stream)
	if err != nil {
		return nil, fmt.Errorf("list the shards of %s: %w", j.config.Stream, err)
	}
	key := stream.HashKey(of.String())
	for _, shard := range shards {
		if key.Cmp(shard.FirstHash) < 0 || key.Cmp(shard.LastHash) > 0 {
			continue
		}
		found, err := j.onShard(ctx, shard.ID, of, entry)
		if err != nil || found != nil {
			return found, err
		}
	}
	return nil, nil
}

// onShard looks for the entry's record on a shard.
func (j *Journeys) onShard(ctx context.Context, shard string, of event.Account, entry *event.Entry) (*Record, error) {
	start := stream.Position{Where: stream.AtTime, Time: entry.RecordedAt.Add(-clockMargin)}
	iterator, err := j.config.Streams.Iterator(ctx, j.config.Stream, shard, start)
	if err != nil {
		return nil, fmt.Errorf("read shard %s: %w", shard, err)
	}
	for range streamPages {
		if err := j.reads.Wait(ctx); err != nil {
			return nil, fmt.Errorf("wait to read shard %s: %w", shard, err)
		}
		batch, err := j.config.Streams.Get(ctx, iterator, stream.MaxGetRecords)
		if err != nil {
			return nil, fmt.Errorf("read shard %s: %w", shard, err)
		}
		for _, r := range batch.Records {
			if r.PartitionKey != of.String() {
				continue
			}
			if e, err := event.DecodeRecord(r.Data); err == nil && e.First == entry.First && e.Hash == entry.Hash {
				return &Record{Shard: shard, Sequence: r.Sequence, ArrivedAt: api.Time{Time: r.Arrived}}, nil
			}
		}
		if iterator = batch.Next; iterator == "" || batch.Behind == 0 {
			return nil, nil
		}
	}
	return nil, nil
}
