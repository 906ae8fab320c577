package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"passbook/cmd/bench/driver"
)

const (
	// overloadConnections carry the overload: enough to sustain the rate while each answer takes
	// long.
	overloadConnections = 1000
	// besideEvery is how often /readyz is asked, and a line of bulk sent, during the overload.
	besideEvery = 50 * time.Millisecond
	// calmWithin is how long a command takes at most once the bank has recovered, and calmInARow
	// how many in a row must.
	calmWithin = 50 * time.Millisecond
	calmInARow = 20
)

// overload measures the goodput at two and four times the capacity, and how soon the bank recovers.
func (g *targets) overload(ctx context.Context, s *driver.Bank, r *report) error {
	l, err := g.spread(ctx, s)
	if err != nil {
		return err
	}
	capacity, err := l.closedLoop(ctx, g.Connections, g.Duration)
	if err != nil {
		return err
	}
	l.overloads = true
	r.add(measure{what: "capacity, commands/s", untargeted: true}, capacity.PerSecond())
	for _, factor := range []float64{2, 4} {
		group := fmt.Sprintf("at %.0f x capacity", factor)
		if err := l.caughtUp(ctx); err != nil {
			return err
		}
		beside := startBeside(ctx, l)
		profiled := g.profiled(ctx, s, fmt.Sprintf("overload-%.0f", factor))
		before := s.CPU()
		got, err := l.paced(ctx, overloadConnections, g.Duration, factor*capacity.PerSecond())
		busy := s.CPU() - before
		unready, refused, lines, besideErr := beside.end()
		if err := errors.Join(err, besideErr, <-profiled); err != nil {
			return err
		}
		began := time.Now()
		calm, err := l.calm(ctx)
		if err != nil {
			return err
		}
		if err := l.caughtUp(ctx); err != nil {
			return err
		}
		r.add(measure{what: "goodput " + group + ", share", unit: " %", target: 75}, 100*got.PerSecond()/capacity.PerSecond())
		r.add(measure{what: "  sent, of what was due", unit: " %", untargeted: true, group: group}, 100*float64(got.Done+got.Refused)/(factor*capacity.PerSecond()*got.Took.Seconds()))
		r.add(measure{what: "  cores used by the bank", untargeted: true, group: group}, busy.Seconds()/got.Took.Seconds())
		r.add(measure{what: "  201, p50", unit: " ms", untargeted: true, group: group}, got.Quantile(50))
		r.add(measure{what: "  201, p99", unit: " ms", untargeted: true, group: group}, got.Quantile(99))
		r.add(measure{what: "  refused, p50", unit: " ms", untargeted: true, group: group}, driver.Millis(got.Refusal, 50))
		r.add(measure{what: "  refused, p99", unit: " ms", target: 50, atMost: true, group: group}, driver.Millis(got.Refusal, 99))
		r.add(measure{what: "  readyz other than 200", atMost: true, group: group}, float64(unready))
		r.add(measure{what: "  lines of bulk beside it", untargeted: true, group: group}, float64(lines))
		r.add(measure{what: "  of them refused", atMost: true, group: group}, float64(refused))
		r.add(measure{what: "  as usual again after", unit: " s", target: 5, atMost: true, group: group}, calm.Seconds())
		r.add(measure{what: "  consumers caught up after", unit: " s", target: 5, atMost: true, group: group}, time.Since(began).Seconds())
	}
	return nil
}

// calm waits until commands take as long as usual, and returns how long that took.
func (l *load) calm(ctx context.Context) (time.Duration, error) {
	c, err := driver.Dial(ctx, l.address, l.key)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	began := time.Now()
	for quick := 0; quick < calmInARow && ctx.Err() == nil; {
		sent := time.Now()
		n := l.serial.Add(1)
		status, answer, err := c.Post(l.paths[int(n)%len(l.paths)][0], l.run, n, l.bodies[0])
		switch {
		case err != nil:
			return 0, err
		case status != 201 && status != 503:
			return 0, fmt.Errorf("%d: %s", status, answer)
		case status == 201 && time.Since(sent) <= calmWithin:
			quick++
		default:
			quick = 0
		}
	}
	return time.Since(began), ctx.Err()
}

// beside is what is watched during a load: whether the bank is ready, and whether it accepts lines
// of bulk.
type beside struct {
	stop    context.CancelFunc
	unready atomic.Int64
	refused atomic.Int64
	lines   atomic.Int64
	ended   chan error // holds those of the two
}

func startBeside(ctx context.Context, l *load) *beside {
	ctx, stop := context.WithCancel(ctx)
	b := &beside{stop: stop, ended: make(chan error, 2)}
	go func() { b.ended <- b.askReady(ctx, l.address) }()
	go func() { b.ended <- b.sendLines(ctx, l) }()
	return b
}

// end stops watching and returns how often the bank was not ready, how many lines it refused, and
// how many there were.
func (b *beside) end() (unready, refused, lines int64, err error) {
	b.stop()
	err = errors.Join(<-b.ended, <-b.ended)
	return b.unready.Load(), b.refused.Load(), b.lines.Load(), err
}

func (b *beside) askReady(ctx context.Context, address string) error {
	c, err := driver.Dial(ctx, address, "")
	if err != nil {
		return err
	}
	defer c.Close()
	return every(ctx, func() error {
		status, _, err := c.Get("/readyz")
		if err == nil && status != 200 {
			b.unready.Add(1)
		}
		return err
	})
}

// sendLines sends one line after another as one bulk request, and reads the results.
func (b *beside) sendLines(ctx context.Context, l *load) error {
	reader, writer := io.Pipe()
	sent := make(chan error, 1)
	go func() {
		err := every(ctx, func() error {
			n := l.serial.Add(1)
			_, err := fmt.Fprintf(writer, `{"op":"credit","idempotency_key":"bulk-%d","account_id":%q,"amount":1,"currency":"EUR"}`+"\n", n, l.accounts[int(n)%len(l.accounts)])
			return err
		})
		sent <- errors.Join(err, writer.Close())
	}()
	request, err := http.NewRequestWithContext(context.WithoutCancel(ctx), http.MethodPost, "http://"+l.address+"/v1/bulk", reader)
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/x-ndjson")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return errors.Join(err, reader.CloseWithError(err), <-sent)
	}
	defer func() { _ = answer.Body.Close() }()
	results := bufio.NewScanner(answer.Body)
	for results.Scan() {
		b.lines.Add(1)
		if !strings.Contains(results.Text(), `"status":201`) {
			b.refused.Add(1)
		}
	}
	return errors.Join(results.Err(), <-sent)
}

// every does something repeatedly until ctx ends.
func every(ctx context.Context, do func() error) error {
	tick := time.NewTicker(besideEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := do(); err != nil {
			return err
		}
	}
}
