package sim

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"passbook/shared/bucket"
	"passbook/shared/stream"
	"passbook/shared/table"
)

// rows is the table port of a part of a process.
type rows struct {
	part
	store table.Table
}

var _ table.Table = rows{}

// Get implements table.Table.
func (t rows) Get(ctx context.Context, name string, key table.Key, consistent bool) (row table.Row, err error) {
	c, err := t.begin(ctx, "get "+place(name, key))
	if err != nil {
		return row, err
	}
	err = c.do(ctx, table.ErrThrottled, func(ctx context.Context) (string, error) {
		row, err = t.store.Get(ctx, name, key, consistent)
		return fmt.Sprint(len(row.Attrs)), err
	})
	return row, err
}

// Query implements table.Table.
func (t rows) Query(ctx context.Context, q table.Query) (page table.Page, err error) {
	c, err := t.begin(ctx, fmt.Sprint("query ", q.Table, "/", q.Index, " ", q.PK, " ", q.From, "..", q.To, " ", q.Desc, q.Limit))
	if err != nil {
		return page, err
	}
	err = c.do(ctx, table.ErrThrottled, func(ctx context.Context) (string, error) {
		page, err = t.store.Query(ctx, q)
		return fmt.Sprint(len(page.Rows)), err
	})
	return page, err
}

// Put implements table.Table.
func (t rows) Put(ctx context.Context, p table.Put) error {
	c, err := t.begin(ctx, "put "+place(p.Table, p.Row.Key))
	if err != nil {
		return err
	}
	p.Row.Attrs = maps.Clone(p.Row.Attrs) // it may be written when the caller has it back
	return c.write(ctx, table.ErrThrottled, func(ctx context.Context) error { return t.store.Put(ctx, p) })
}

// PutEach implements table.Table. Any subset of the rows may be refused or not be written, or be
// written and not answered.
func (t rows) PutEach(ctx context.Context, puts []table.Put) []error {
	errs := make([]error, len(puts))
	if len(puts) == 0 {
		return errs
	}
	c, err := t.begin(ctx, fmt.Sprint("put each of ", len(puts), " ", place(puts[0].Table, puts[0].Row.Key)))
	if err == nil {
		err = c.do(ctx, table.ErrThrottled, func(ctx context.Context) (string, error) { return t.putSome(ctx, c, puts, errs), nil })
	}
	if err != nil {
		for i := range errs {
			errs[i] = err
		}
	}
	return errs
}

// putSome puts the rows that are not drawn to be refused, and hides the outcome of others.
func (t rows) putSome(ctx context.Context, c *call, puts []table.Put, errs []error) string {
	fates := make([]fate, len(puts))
	var taken []table.Put
	for i, p := range puts {
		switch fates[i] = c.torn(); fates[i] {
		case refused:
			errs[i] = table.ErrThrottled
		case failed:
			if errs[i] = errUnanswered; c.draw.IntN(2) == 0 {
				fates[i] = late
				p.Row.Attrs = maps.Clone(p.Row.Attrs) // it may be written when the caller has it back
				c.delayed("put "+place(p.Table, p.Row.Key), func(ctx context.Context) error { return t.store.Put(ctx, p) })
			}
		default:
			taken = append(taken, p)
		}
	}
	if len(taken) == 0 {
		return fmt.Sprint(fates)
	}
	for i, written := 0, t.store.PutEach(ctx, taken); i < len(puts); i++ {
		if errs[i] != nil {
			continue
		}
		if errs[i], written = written[0], written[1:]; fates[i] == lost {
			errs[i] = errUnanswered
		}
	}
	return fmt.Sprint(fates, errs)
}

// Together implements table.Table.
func (t rows) Together() int { return t.store.Together() }

// Delete implements table.Table.
func (t rows) Delete(ctx context.Context, name string, key table.Key, cond table.Condition) error {
	c, err := t.begin(ctx, "delete "+place(name, key))
	if err != nil {
		return err
	}
	return c.write(ctx, table.ErrThrottled, func(ctx context.Context) error { return t.store.Delete(ctx, name, key, cond) })
}

// Transact implements table.Table.
func (t rows) Transact(ctx context.Context, puts []table.Put) error {
	places := make([]string, len(puts))
	for i, p := range puts {
		places[i] = place(p.Table, p.Row.Key)
	}
	c, err := t.begin(ctx, "transact "+strings.Join(places, " "))
	if err != nil {
		return err
	}
	puts = slices.Clone(puts)
	for i := range puts {
		puts[i].Row.Attrs = maps.Clone(puts[i].Row.Attrs)
	}
	return c.write(ctx, table.ErrThrottled, func(ctx context.Context) error { return t.store.Transact(ctx, puts) })
}

// Scan implements table.Table.
func (t rows) Scan(ctx context.Context, s table.Scan) (page table.Page, err error) {
	c, err := t.begin(ctx, fmt.Sprint("scan ", s.Table, " ", s.Segment, "/", s.Of))
	if err != nil {
		return page, err
	}
	err = c.do(ctx, table.ErrThrottled, func(ctx context.Context) (string, error) {
		page, err = t.store.Scan(ctx, s)
		return fmt.Sprint(len(page.Rows)), err
	})
	return page, err
}

// Skew implements table.Table.
func (t rows) Skew() time.Duration { return 0 }

func place(name string, key table.Key) string { return name + " " + key.PK + "/" + key.SK }

// records is the stream port of a part of a process.
type records struct {
	part
	store stream.Stream
}

// notified is a stream port that wakes its readers.
type notified struct {
	records
	stream.Notifier
}

var _ stream.Stream = records{}

// Put implements stream.Stream. Any subset of the records may be refused, or be taken and reported
// as failed.
func (s records) Put(ctx context.Context, name string, list []stream.Record) (results []stream.PutResult, err error) {
	c, err := s.begin(ctx, fmt.Sprint("put ", len(list), " records ", list[0].PartitionKey))
	if err != nil {
		return nil, err
	}
	err = c.do(ctx, stream.ErrThrottled, func(ctx context.Context) (outcome string, err error) {
		results, outcome, err = s.putSome(ctx, c, name, list)
		return outcome, err
	})
	return results, err
}

// putSome puts the records that are not drawn to be refused, and hides the results of others.
func (s records) putSome(ctx context.Context, c *call, name string, list []stream.Record) ([]stream.PutResult, string, error) {
	results, fates := make([]stream.PutResult, len(list)), make([]fate, len(list))
	var taken []stream.Record
	for i, r := range list {
		switch fates[i] = c.torn(); fates[i] {
		case refused:
			results[i].Err = stream.ErrThrottled
		case failed:
			results[i].Err = errUnanswered
		default:
			taken = append(taken, r)
		}
	}
	if len(taken) == 0 {
		return results, fmt.Sprint(fates), nil
	}
	puts, err := s.store.Put(ctx, name, taken)
	if err != nil {
		return nil, fmt.Sprint(fates), err
	}
	for i := range results {
		if results[i].Err != nil {
			continue
		}
		if results[i], puts = puts[0], puts[1:]; fates[i] == lost {
			results[i] = stream.PutResult{Err: errUnanswered}
		}
	}
	return results, fmt.Sprint(fates), nil
}

// Shards implements stream.Stream.
func (s records) Shards(ctx context.Context, name string) (list []stream.Shard, err error) {
	c, err := s.begin(ctx, "shards "+name)
	if err != nil {
		return nil, err
	}
	err = c.do(ctx, stream.ErrThrottled, func(ctx context.Context) (string, error) {
		list, err = s.store.Shards(ctx, name)
		return fmt.Sprint(len(list)), err
	})
	return list, err
}

// Iterator implements stream.Stream.
func (s records) Iterator(ctx context.Context, name, shard string, at stream.Position) (iterator string, err error) {
	c, err := s.begin(ctx, fmt.Sprint("iterator ", name, " ", shard, " ", at.Where, " ", at.Sequence))
	if err != nil {
		return "", err
	}
	err = c.do(ctx, stream.ErrThrottled, func(ctx context.Context) (string, error) {
		iterator, err = s.store.Iterator(ctx, name, shard, at)
		return "", err
	})
	return iterator, err
}

// Get implements stream.Stream.
func (s records) Get(ctx context.Context, iterator string, limit int) (batch stream.Batch, err error) {
	c, err := s.begin(ctx, "read "+iterator)
	if err != nil {
		return batch, err
	}
	err = c.do(ctx, stream.ErrThrottled, func(ctx context.Context) (string, error) {
		batch, err = s.store.Get(ctx, iterator, limit)
		return fmt.Sprint(len(batch.Records)), err
	})
	return batch, err
}

// Created implements stream.Stream.
func (s records) Created(ctx context.Context, name string) (at time.Time, err error) {
	c, err := s.begin(ctx, "created "+name)
	if err != nil {
		return at, err
	}
	err = c.do(ctx, stream.ErrThrottled, func(ctx context.Context) (string, error) {
		at, err = s.store.Created(ctx, name)
		return "", err
	})
	return at, err
}

// objects is the bucket port of a part of a process.
type objects struct {
	part
	store bucket.Bucket
}

var _ bucket.Bucket = objects{}

// Create implements bucket.Bucket.
func (b objects) Create(ctx context.Context, key string, data []byte) error {
	c, err := b.begin(ctx, "create "+key)
	if err != nil {
		return err
	}
	data = bytes.Clone(data)
	return c.write(ctx, errUnanswered, func(ctx context.Context) error {
		err := b.store.Create(ctx, key, data)
		if err == nil && isCheckpoint(key) {
			b.run.signed(b.disk, key, data)
		}
		return err
	})
}

// Open implements bucket.Bucket. Reads of an open object do not fail.
func (b objects) Open(ctx context.Context, key string) (object bucket.Object, err error) {
	c, err := b.begin(ctx, "open "+key)
	if err != nil {
		return nil, err
	}
	err = c.do(ctx, errUnanswered, func(ctx context.Context) (string, error) {
		object, err = b.store.Open(ctx, key)
		return "", err
	})
	return object, err
}

// List implements bucket.Bucket.
func (b objects) List(ctx context.Context, prefix, after string) (page bucket.Page, err error) {
	c, err := b.begin(ctx, "list "+prefix+" "+after)
	if err != nil {
		return page, err
	}
	err = c.do(ctx, errUnanswered, func(ctx context.Context) (string, error) {
		page, err = b.store.List(ctx, prefix, after)
		return fmt.Sprint(len(page.Objects)), err
	})
	return page, err
}
