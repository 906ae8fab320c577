package queues

import (
	"context"
	"fmt"
	"sync"

	"passbook/shared/event"
	"passbook/shared/publisher"
	"passbook/shared/stream"
)

// Queues have the entries of many accounts. They are published with one record of each account in
// flight: a stream may refuse one record of a batch and take a later one.
type Queues struct {
	To publisher.Sender

	published int64
	mu        sync.Mutex
	queues    []queue
}

type queue struct {
	account event.Account
	entries []*event.Entry
}

// Add appends entries of an account, which has none in the queues, in version order.
func (s *Queues) Add(a event.Account, entries []*event.Entry) {
	if len(entries) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queues = append(s.queues, queue{a, entries})
}

// Published returns how many entries were published.
func (s *Queues) Published() int64 { return s.published }

// Drain publishes until every queue is empty. Refused records are repeated until ctx ends.
func (s *Queues) Drain(ctx context.Context) error {
	for len(s.queues) > 0 {
		err := s.put(ctx)
		if err != nil {
			return err
		}
	}
	return nil
}

// put sends the next entry of as many accounts as a batch takes.
func (s *Queues) put(ctx context.Context) error {
	var records []stream.Record
	size := 0
	for _, q := range s.queues {
		_, sealed, err := q.entries[0].Published()
		if err != nil {
			return fmt.Errorf("publish %s: %w", q.account, err)
		}
		record := stream.Record{PartitionKey: q.account.String(), Data: sealed.Record}
		size += len(record.Data) + len(record.PartitionKey)
		if len(records) == stream.MaxPutRecords || size > stream.MaxPutBytes {
			break
		}
		records = append(records, record)
	}
	taken, err := s.To.Put(ctx, records)
	if err != nil {
		return err
	}
	// From the end, so that the last queue can take the place of one that is done: this batch has
	// already looked at it.
	for i := len(taken) - 1; i >= 0; i-- {
		if !taken[i] {
			continue
		}
		s.published++
		q := &s.queues[i]
		q.entries = q.entries[1:]
		if len(q.entries) == 0 {
			last := len(s.queues) - 1
			s.queues[i] = s.queues[last]
			s.queues = s.queues[:last]
		}
	}
	return nil
}
