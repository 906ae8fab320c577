package driver

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// maxRefused is how many refusals of one connection are counted before they end the load.
const maxRefused = 100

// ErrRefused is of a step that the server answered, and did not do.
var ErrRefused = errors.New("refused")

// Step makes one round trip on a connection and returns how many commands it did.
type Step func(c *Conn) (done int, err error)

// Loop is a load: closed, where a connection sends its next request when it has the answer to its
// last one, or, with a Rate, open, where requests are due at fixed times.
type Loop struct {
	Conns int
	For   time.Duration
	// Rate is the steps a second of all connections together, 0 in a closed loop.
	Rate float64
	// Count ends the load, before For has passed, once so many commands are done; 0 is no end.
	Count int64
}

// Outcome is what a load measured.
type Outcome struct {
	Took          time.Duration
	Done, Refused int64
	// Latency is of the steps that were done, in microseconds.
	Latency *hdrhistogram.Histogram
}

// PerSecond returns the commands done a second.
func (o Outcome) PerSecond() float64 { return float64(o.Done) / o.Took.Seconds() }

// Quantile returns a latency in milliseconds, percent in 0..100.
func (o Outcome) Quantile(percent float64) float64 {
	return float64(o.Latency.ValueAtQuantile(percent)) / 1000
}

// NewLatency returns an empty histogram of 1 µs to a minute, in three digits.
func NewLatency() *hdrhistogram.Histogram {
	return hdrhistogram.New(1, time.Minute.Microseconds(), 3)
}

// Run drives an address with the steps that steps gives each connection, and returns what all of
// them measured. It fails with the first error that is no refusal.
func (l Loop) Run(ctx context.Context, address, key string, steps func(conn int) Step) (Outcome, error) {
	began := time.Now()
	parts, errs := make([]Outcome, l.Conns), make([]error, l.Conns)
	var done atomic.Int64
	more := func(due time.Time) bool {
		return due.Before(began.Add(l.For)) && (l.Count == 0 || done.Load() < l.Count)
	}
	var wg sync.WaitGroup
	for i := range l.Conns {
		step := steps(i)
		counted := func(c *Conn) (int, error) {
			n, err := step(c)
			done.Add(int64(n))
			return n, err
		}
		wg.Go(func() { parts[i], errs[i] = runOne(ctx, address, key, counted, l.pace(i, began), more) })
	}
	wg.Wait()
	all := Outcome{Took: time.Since(began), Latency: NewLatency()}
	for i, part := range parts {
		if errs[i] != nil {
			return all, fmt.Errorf("connection %d: %w", i, errs[i])
		}
		all.Done, all.Refused = all.Done+part.Done, all.Refused+part.Refused
		all.Latency.Merge(part.Latency)
	}
	return all, ctx.Err()
}

// pace returns the function that waits for a connection's next step and returns when it was due.
func (l Loop) pace(conn int, began time.Time) func() time.Time {
	if l.Rate <= 0 {
		return time.Now
	}
	gap := time.Duration(float64(l.Conns) / l.Rate * float64(time.Second))
	due := began.Add(gap * time.Duration(conn) / time.Duration(l.Conns))
	return func() time.Time {
		now := due
		time.Sleep(time.Until(now))
		due = due.Add(gap)
		return now
	}
}

// runOne runs the loop of one connection, which makes one step at least.
func runOne(ctx context.Context, address, key string, step Step, next func() time.Time, more func(due time.Time) bool) (Outcome, error) {
	o := Outcome{Latency: NewLatency()}
	c, err := Dial(ctx, address, key)
	if err != nil {
		return o, err
	}
	defer c.Close()
	for due, first := next(), true; (first || more(due)) && ctx.Err() == nil; due, first = next(), false {
		done, err := step(c)
		o.Done += int64(done)
		switch {
		case errors.Is(err, ErrRefused):
			if o.Refused++; o.Refused > maxRefused {
				return o, fmt.Errorf("more than %d refusals, the last: %w", maxRefused, err)
			}
		case err != nil:
			return o, err
		default:
			_ = o.Latency.RecordValue(min(max(1, time.Since(due).Microseconds()), o.Latency.HighestTrackableValue()))
		}
	}
	return o, nil
}
