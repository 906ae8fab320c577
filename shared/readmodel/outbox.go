package readmodel

import (
	"context"
	"fmt"

	"passbook/shared/stream"
)

// Outbox is where a read model's messages go: a stream of its own.
type Outbox struct {
	Streams stream.Stream
	Stream  string
}

// send sends the crossings that the stored row holds and then clears them, so that each is sent at
// least once, whoever finds it.
func (p *Projection[S]) send(ctx context.Context, row Row[S]) (Row[S], error) {
	if len(row.Pending) == 0 {
		return row, nil
	}
	row, err := p.sendAll(ctx, row)
	if err != nil {
		return row, err
	}
	return p.save(ctx, row)
}

// sendAll sends the crossings that a row holds, and gives the row without them.
func (p *Projection[S]) sendAll(ctx context.Context, row Row[S]) (Row[S], error) {
	if len(row.Pending) == 0 {
		return row, nil
	}
	records := make([]stream.Record, len(row.Pending))
	for i, crossing := range row.Pending {
		data, err := p.model.Message(row.Account, crossing)
		if err != nil {
			return row, poison(row.Version, "message %q: %w", crossing, err)
		}
		records[i] = stream.Record{PartitionKey: row.Account.String(), Data: data}
	}
	if err := p.Outbox.put(ctx, records); err != nil {
		return row, fmt.Errorf("send messages of %s v%d: %w", row.Account.ID, row.Version, err)
	}
	row.Pending = nil
	return row, nil
}

// put puts every record, in order: a refused one is put again before any that follows it.
func (o Outbox) put(ctx context.Context, records []stream.Record) error {
	for len(records) > 0 {
		n := min(len(records), stream.MaxPutRecords)
		results, err := o.Streams.Put(ctx, o.Stream, records[:n])
		if err != nil {
			return err
		}
		for _, r := range results {
			if r.Err != nil {
				return r.Err
			}
		}
		records = records[n:]
	}
	return nil
}
