package publisher

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"passbook/shared/backoff"
	"passbook/shared/stream"
)

const (
	// sendFirst and sendMost bound the pause after a put of which the stream took nothing: the
	// first one, and what doubling ends at.
	sendFirst = 20 * time.Millisecond
	sendMost  = time.Second
	// sendFailures is how many calls in a row may fail as a whole, for another reason than a
	// throttle, before a Sender gives up.
	sendFailures = 8
)

// Sender puts records on a stream for a job, which waits until the stream has them: it repeats what
// the stream refused, with a back-off. Services publish through a Publisher, which keeps each
// account's order for them. It is not safe for concurrent use.
type Sender struct {
	// Streams and Stream are where the records go.
	Streams stream.Stream
	Stream  string
	// Compress has records over 4 KB compressed, as the journal keeps them.
	Compress bool

	tries, failures int // in a row
}

// Put puts records once, up to stream.MaxPutRecords of them, and returns which of them the stream
// has, by their place. When it has none of them, Put pauses before it returns, longer each time.
// Its error is final: the stream does not exist, the call is invalid, too many calls in a row
// failed, or ctx has ended.
func (s *Sender) Put(ctx context.Context, records []stream.Record) (taken []bool, err error) {
	taken = make([]bool, len(records))
	if s.Compress {
		records = slices.Clone(records)
		for i := range records {
			records[i].Data = encoded(records[i].Data, true)
		}
	}
	results, err := s.Streams.Put(ctx, s.Stream, records)
	took := false
	for i, r := range results {
		taken[i] = r.Err == nil
		took = took || taken[i]
	}
	switch {
	case took:
		s.tries, s.failures = 0, 0
		return taken, nil
	case err != nil && !errors.Is(err, stream.ErrThrottled):
		s.failures++
	}
	if s.failures == sendFailures || errors.Is(err, stream.ErrNotFound) || errors.Is(err, stream.ErrInvalid) {
		return nil, fmt.Errorf("put on %s: %w", s.Stream, err)
	}
	pause := backoff.Of(sendFirst, sendMost, s.tries)
	s.tries++
	return taken, backoff.Sleep(ctx, pause)
}

// Send puts one record until the stream has it.
func (s *Sender) Send(ctx context.Context, record stream.Record) error {
	for {
		taken, err := s.Put(ctx, []stream.Record{record})
		if err != nil || taken[0] {
			return err
		}
	}
}
