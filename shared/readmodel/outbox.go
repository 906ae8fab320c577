package readmodel

import (
	"context"
	"fmt"

	"passbook/shared/stream"
)

// Outbox is the stream that takes a read model's messages.
type Outbox struct {
	Streams stream.Stream
	Stream  string
}

// send sends the crossings of a stored row and then removes them from it. A crash in between has
// them sent again, so each is sent at least once.
func (p *Projection[S]) send(ctx context.Context, row Row[S]) (Row[S], error) {
	if len(row.Pending) == 0 {
		return row, nil
	}
	row, err := p.sendPending(ctx, row)
	if err != nil {
		return row, err
	}
	return p.save(ctx, row)
}

// sendPending sends the crossings of a row and returns the row without them. It stores nothing.
func (p *Projection[S]) sendPending(ctx context.Context, row Row[S]) (Row[S], error) {
	if len(row.Pending) == 0 {
		return row, nil
	}
	records := make([]stream.Record, len(row.Pending))
	for i, crossing := range row.Pending {
		data, err := p.model.Message(row.Account, crossing)
		if err != nil {
			return row, unprocessable(row.Version, "the message of crossing %q cannot be made: %w", crossing, err)
		}
		records[i] = stream.Record{PartitionKey: row.Account.String(), Data: data}
	}
	if err := p.outbox.put(ctx, records); err != nil {
		return row, fmt.Errorf("send the messages of %s v%d: %w", row.Account, row.Version, err)
	}
	row.Pending = nil
	return row, nil
}

// put puts every record in order. It returns the error of the first one that is refused; the caller
// then puts all of them again.
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
