package publisher

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/stream"
)

// step answers one put.
type step func(records []stream.Record) ([]stream.PutResult, error)

// scripted answers one put after another from a script: an error for the call as a whole, or for
// each record.
type scripted struct {
	stream.Stream
	script []step
	calls  int
}

func (s *scripted) Put(_ context.Context, _ string, records []stream.Record) ([]stream.PutResult, error) {
	answer := s.script[min(s.calls, len(s.script)-1)]
	s.calls++
	return answer(records)
}

func fails(err error) step {
	return func([]stream.Record) ([]stream.PutResult, error) { return nil, err }
}

func refuses(places ...int) step {
	return func(records []stream.Record) ([]stream.PutResult, error) {
		results := make([]stream.PutResult, len(records))
		for _, i := range places {
			results[i].Err = stream.ErrThrottled
		}
		return results, nil
	}
}

func TestSenderRepeatsUntilTheStreamHasTheRecord(t *testing.T) {
	broken := errors.New("connection reset")
	tests := map[string]struct {
		script []step
		calls  int
		want   error
	}{
		"taken":                 {script: []step{refuses()}, calls: 1},
		"refused, then taken":   {script: []step{refuses(0), refuses(0), refuses()}, calls: 3},
		"failed, then taken":    {script: []step{fails(broken), refuses()}, calls: 2},
		"no such stream":        {script: []step{fails(stream.ErrNotFound)}, calls: 1, want: stream.ErrNotFound},
		"invalid":               {script: []step{fails(stream.ErrInvalid)}, calls: 1, want: stream.ErrInvalid},
		"fails again and again": {script: []step{fails(broken)}, calls: sendFailures, want: broken},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				to := &scripted{script: tt.script}
				s := Sender{Streams: to, Stream: "events"}
				if err := s.Send(t.Context(), stream.Record{PartitionKey: "a"}); !errors.Is(err, tt.want) {
					t.Errorf("error %v, want %v", err, tt.want)
				}
				if to.calls != tt.calls {
					t.Errorf("%d calls, want %d", to.calls, tt.calls)
				}
			})
		})
	}
}

// A throttled stream is tried until the caller's time is over, and never twice without a pause.
func TestSenderWaitsForAThrottledStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		to := &scripted{script: []step{fails(stream.ErrThrottled)}}
		s := Sender{Streams: to, Stream: "events"}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := s.Send(ctx, stream.Record{PartitionKey: "a"}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		if to.calls < 60 || to.calls > 130 {
			t.Errorf("%d calls within a minute", to.calls)
		}
	})
}

// A batch of which the stream took a part is not followed by a pause, and a part that is taken
// makes up for the failures before it.
func TestSenderDoesNotPauseAfterAPart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := fails(errors.New("connection reset"))
		to := &scripted{}
		for range sendFailures - 1 {
			to.script = append(to.script, broken)
		}
		to.script = append(to.script, refuses(1))
		to.script = append(to.script, to.script...)
		s := Sender{Streams: to, Stream: "events"}
		records := []stream.Record{{PartitionKey: "a"}, {PartitionKey: "b"}}
		for i := range to.script {
			began := time.Now()
			taken, err := s.Put(t.Context(), records)
			if err != nil {
				t.Fatalf("call %d: %v", i, err)
			}
			part := i%sendFailures == sendFailures-1
			if taken[0] != part || taken[1] {
				t.Errorf("call %d took %v", i, taken)
			}
			if paused := time.Since(began) > 0; paused == part {
				t.Errorf("call %d: paused %v", i, paused)
			}
		}
	})
}
