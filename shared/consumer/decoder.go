package consumer

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"golang.org/x/sync/errgroup"

	"passbook/shared/consumer/newest"
	"passbook/shared/event"
	"passbook/shared/stream"
)

// originChecks is how many entries are checked at once that need a read for it.
const originChecks = 32

// Decoder decodes records. It keeps the newest entries, so that the consumers of a process decode
// each record once. It may be used concurrently.
type Decoder struct{ newest *newest.Entries }

// NewDecoder returns a decoder that keeps entries of so many bytes, 0 for newest.DefaultBytes.
func NewDecoder(bytes int) *Decoder { return &Decoder{newest.New(bytes)} }

// Decode returns the deliveries of records. The delivery of a record that cannot be decoded, or
// whose entry is foreign, has the reason. An error means that an origin could not be checked.
func (d *Decoder) Decode(ctx context.Context, s Shard, records []stream.Delivered, origin Origin) ([]Delivery, error) {
	if len(records) == 0 {
		return nil, nil
	}
	c := decoding{origin: origin, records: records, slots: d.newest.Slots(shardName(s), records), deliveries: make([]Delivery, len(records))}
	for i, r := range records {
		c.deliveries[i] = Delivery{Sequence: r.Sequence, Arrived: r.Arrived, PartitionKey: r.PartitionKey, Entry: c.slots[i].Entry(), Data: r.Data}
	}
	busy, err := c.decode(ctx)
	if err == nil && len(busy) > 0 {
		// What others were decoding is there by now, or else is decoded here too.
		for _, i := range busy {
			if c.deliveries[i].Entry = c.slots[i].Entry(); c.deliveries[i].Entry == nil {
				c.slots[i] = new(newest.Slot)
			}
		}
		_, err = c.decode(ctx)
	}
	if err != nil {
		return nil, err
	}
	return c.deliveries, nil
}

// decoding is one call of Decode.
type decoding struct {
	origin     Origin
	records    []stream.Delivered
	slots      []*newest.Slot
	deliveries []Delivery
}

// decode decodes the records that have neither entry nor reason, and returns those whose slots
// others have.
func (c *decoding) decode(ctx context.Context) (busy []int, err error) {
	var reads *errgroup.Group
	reading := ctx
	wait := func() error {
		if reads == nil {
			return nil
		}
		return reads.Wait()
	}
	for i := range c.deliveries {
		delivery, slot := &c.deliveries[i], c.slots[i]
		switch {
		case delivery.Entry != nil || delivery.Err != nil:
			continue
		case !slot.Begin():
			busy = append(busy, i)
			continue
		}
		if delivery.Entry = slot.Entry(); delivery.Entry != nil { // made since
			slot.End(nil)
			continue
		}
		entry, undecoded := decodeRecord(c.records[i])
		if c.origin == nil || entry == nil || entry.Signed() {
			if failed := c.finish(ctx, i, entry, undecoded); failed != nil {
				return nil, errors.Join(failed, wait())
			}
			continue
		}
		if reads == nil {
			reads, reading = errgroup.WithContext(ctx)
			reads.SetLimit(originChecks)
		}
		reads.Go(func() error { return c.finish(reading, i, entry, nil) })
	}
	return busy, wait()
}

// finish checks the origin of a record that was decoded, or was not for the reason undecoded, and
// frees its slot.
func (c *decoding) finish(ctx context.Context, i int, entry *event.Entry, undecoded error) (failed error) {
	delivery := &c.deliveries[i]
	delivery.Err, failed = checkOrigin(ctx, c.origin, entry, undecoded)
	if delivery.Err == nil && failed == nil {
		delivery.Entry = entry
	}
	c.slots[i].End(delivery.Entry)
	return failed
}

// checkOrigin returns why an entry, or a record that was not decoded for the reason undecoded, is
// not processed, nil if it is; and why that could not be found out.
func checkOrigin(ctx context.Context, origin Origin, e *event.Entry, undecoded error) (refused, failed error) {
	var newer *event.FormatError
	var err error
	switch {
	case origin == nil:
		return undecoded, nil
	case errors.As(undecoded, &newer):
		err = origin.CheckFormat(ctx, newer.Format)
	case undecoded != nil:
		return undecoded, nil
	default:
		err = origin.Check(ctx, e)
	}
	if errors.Is(err, event.ErrForeign) {
		return err, nil
	}
	return nil, err
}

// decodeRecord decodes one record and checks that it was put under the partition key of its
// account.
func decodeRecord(r stream.Delivered) (*event.Entry, error) {
	e, err := event.DecodeRecord(r.Data)
	if err != nil {
		return nil, err
	}
	if key := e.Tenant + "#" + e.AccountID; key != r.PartitionKey {
		return nil, fmt.Errorf("entry of %s under the partition key %q", key, r.PartitionKey)
	}
	return e, nil
}

// shardName identifies a shard among those that a process reads.
func shardName(s Shard) string {
	return s.Stream + "#" + strconv.FormatInt(s.Created.Unix(), 10) + "#" + s.ID
}

// AddReader counts a reader of a shard until remove is called. The last one to be removed drops the
// shard's entries, as no worker of this process reads it any more.
func (d *Decoder) AddReader(s Shard) (remove func()) { return d.newest.AddReader(shardName(s)) }
