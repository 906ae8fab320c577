package publisher

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/journal"
	"passbook/shared/stream"
)

// moody is a stream that answers every put as it is told.
type moody struct {
	stream.Stream
	err   atomic.Pointer[error]
	short atomic.Bool // answers for a record less than it was given
	each  bool        // takes the call, and answers so for each record
}

func (m *moody) say(err error) { m.err.Store(&err) }

func (m *moody) Put(_ context.Context, _ string, records []stream.Record) ([]stream.PutResult, error) {
	err, results := *m.err.Load(), make([]stream.PutResult, len(records))
	if m.short.Load() {
		return results[1:], nil
	}
	if !m.each {
		return results, err
	}
	for i := range results {
		results[i].Err = err
	}
	return results, nil
}

func TestOutageIsLogged(t *testing.T) {
	broken := errors.New("connection refused")
	for _, tt := range []struct {
		name    string
		err     error
		lasts   time.Duration
		unready string // what Ready returns in the outage, "" for nil
		logged  int
	}{
		{"a moment of throttling", stream.ErrThrottled, 4 * time.Second, "", 0},
		{"an outage", broken, 50 * time.Second, "", 1},
		{"a long outage", broken, 150 * time.Second, "", 3},
		{"a refusal", stream.ErrRefused, 2 * time.Second, "permission denied", 1},
		{"a stream that is gone", stream.ErrNotFound, 2 * time.Second, "not found", 1},
	} {
		for _, each := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, of each record %v", tt.name, each), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var log bytes.Buffer
					m := &moody{each: each}
					m.say(tt.err)
					p := New(Config{Streams: m, Stream: events, Log: slog.New(slog.NewTextHandler(&log, nil))})
					ctx, cancel := context.WithCancel(t.Context())
					done := make(chan error, 1)
					go func() { done <- p.Run(ctx) }()
					p.Publish(journal.Committed{Account: accountNamed(1)})
					time.Sleep(tt.lasts)
					err := p.Ready()
					if (err != nil) != (tt.unready != "") || err != nil && !strings.Contains(err.Error(), tt.unready) {
						t.Errorf("ready: %v", err)
					}
					m.say(nil)
					if err := p.Drained(t.Context()); err != nil {
						t.Fatal(err)
					}
					if err := p.Ready(); err != nil {
						t.Errorf("ready again: %v", err)
					}
					cancel()
					if err := <-done; err != nil {
						t.Error(err)
					}
					logged, again := strings.Count(log.String(), "takes no records"), strings.Count(log.String(), "takes records again")
					if logged != tt.logged || again != min(logged, 1) {
						t.Errorf("logged %d times, want %d, and %d times that it is over:\n%s", logged, tt.logged, again, &log)
					}
					if logged > 0 && !strings.Contains(log.String(), tt.err.Error()) {
						t.Errorf("the cause is not logged: %s", &log)
					}
				})
			})
		}
	}
}

// A stream that does not say which records it took has taken none for certain: all are sent again.
func TestAnswerForTooFewRecordsIsNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &moody{}
		m.say(nil)
		m.short.Store(true)
		acked := make(chan int64, 10)
		p := New(Config{Streams: m, Acked: func(_ string, n int64) { acked <- n }})
		for n := range int64(3) {
			p.Publish(journal.Committed{Account: accountNamed(int(n)), N: n + 1})
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- p.Run(ctx) }()
		time.Sleep(time.Minute)
		if len(acked) > 0 || !p.inOutage() {
			t.Errorf("%d entries taken for published, in outage %v", len(acked), p.inOutage())
		}
		m.short.Store(false)
		if err := p.Drained(t.Context()); err != nil || len(acked) != 3 {
			t.Errorf("%d entries published, %v", len(acked), err)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestReadyUntilTooMuchWaits(t *testing.T) {
	p := New(Config{})
	for i := range maxWaiting {
		if err := p.Ready(); err != nil {
			t.Fatalf("with %d waiting: %v", i, err)
		}
		p.Publish(journal.Committed{Account: accountNamed(i % 10)})
	}
	if err := p.Ready(); err == nil {
		t.Errorf("ready with %d waiting", maxWaiting)
	}
}
