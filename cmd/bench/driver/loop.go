package driver

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// maxRefused is how many refusals of one connection are counted before they end a load that does
// not overload.
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
	// Overloads says that refusals are expected, and end nothing.
	Overloads bool
}

// Outcome is what a load measured.
type Outcome struct {
	Took          time.Duration
	Done, Refused int64
	// Latency is of the steps that were done, in microseconds.
	Latency *hdrhistogram.Histogram
	// Refusal is of those that were refused, from when they were sent.
	Refusal *hdrhistogram.Histogram
}

// PerSecond returns the commands done a second.
func (o Outcome) PerSecond() float64 { return float64(o.Done) / o.Took.Seconds() }

// Quantile returns a latency in milliseconds, percent in 0..100.
func (o Outcome) Quantile(percent float64) float64 {
	return Millis(o.Latency, percent)
}

// Millis returns a quantile of a histogram in milliseconds, percent in 0..100.
func Millis(h *hdrhistogram.Histogram, percent float64) float64 {
	return float64(h.ValueAtQuantile(percent)) / 1000
}

// Record adds a latency to a histogram of NewLatency, one that is too long as the longest.
func Record(h *hdrhistogram.Histogram, d time.Duration) {
	_ = h.RecordValue(min(max(1, d.Microseconds()), h.HighestTrackableValue()))
}

// NewLatency returns an empty histogram of 1 µs to a minute, in three digits.
func NewLatency() *hdrhistogram.Histogram {
	return hdrhistogram.New(1, time.Minute.Microseconds(), 3)
}

// tally is what the connections of a load have measured so far. They share it, since a histogram
// each would be more than a processor's cache.
type tally struct {
	mu sync.Mutex
	Outcome
}

// add notes a step, how long it took since it was due, and since it was sent.
func (t *tally) add(done int, refused bool, due, sent time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.Done += int64(done)
	if refused {
		t.Refused++
		Record(t.Refusal, sent)
		return
	}
	Record(t.Latency, due)
}

// isDone returns the commands done so far.
func (t *tally) isDone() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.Done
}

// Run drives an address with the steps that steps gives each connection, and returns what all of
// them measured. It fails with the first error that is no refusal.
func (l Loop) Run(ctx context.Context, address, key string, steps func(conn int) Step) (Outcome, error) {
	began := time.Now()
	t := &tally{Outcome: Outcome{Latency: NewLatency(), Refusal: NewLatency()}}
	more := func(due time.Time) bool {
		return due.Before(began.Add(l.For)) && (l.Count == 0 || t.isDone() < l.Count)
	}
	errs := make([]error, l.Conns)
	var wg sync.WaitGroup
	for i := range l.Conns {
		wg.Go(func() { errs[i] = l.runOne(ctx, address, key, steps(i), t, l.pace(i, began), more) })
	}
	wg.Wait()
	t.Took = time.Since(began)
	for i, err := range errs {
		if err != nil {
			return t.Outcome, fmt.Errorf("connection %d: %w", i, err)
		}
	}
	return t.Outcome, ctx.Err()
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
func (l Loop) runOne(ctx context.Context, address, key string, step Step, t *tally, next func() time.Time, more func(due time.Time) bool) error {
	c, err := Dial(ctx, address, key)
	if err != nil {
		return err
	}
	defer c.Close()
	refusals := 0
	for due, first := next(), true; (first || more(due)) && ctx.Err() == nil; due, first = next(), false {
		sent := time.Now()
		done, err := step(c)
		refused := errors.Is(err, ErrRefused)
		if err != nil && !refused {
			return err
		}
		t.add(done, refused, time.Since(due), time.Since(sent))
		if !refused {
			continue
		}
		if refusals++; refusals > maxRefused && !l.Overloads {
			return fmt.Errorf("more than %d refusals, the last: %w", maxRefused, err)
		}
	}
	return nil
}
