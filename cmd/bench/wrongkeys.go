package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"passbook/cmd/bench/driver"
	"passbook/shared/access/apikey"
)

const (
	// besideWrong is how many commands a second callers with a right key send at the same time: a
	// load that the machine carries easily, so that what the wrong keys cost shows.
	besideWrong = 1000
	// someWrong and manyWrong are how many requests with wrong keys are sent in a second.
	someWrong, manyWrong = 1_000, 10_000
	// wrongConnections carry them.
	wrongConnections = 64
	// turnsWrong is how often the load with and the one without wrong keys take turns, so that
	// what else happens on the machine hits both.
	turnsWrong = 10
)

// wrongKeys measures what requests with wrong keys cost the callers with a right one.
func (g *targets) wrongKeys(ctx context.Context, s *driver.Bank, r *report) error {
	l, err := g.spread(ctx, s)
	if err != nil {
		return err
	}
	alone, beside := driver.NewLatency(), driver.NewLatency()
	turn := max(g.Duration/turnsWrong, time.Second)
	for range turnsWrong {
		got, err := l.paced(ctx, g.Connections, turn, besideWrong)
		if err != nil {
			return err
		}
		alone.Merge(got.Latency)
		if got, _, err = l.besideWrongKeys(ctx, g.Connections, turn, someWrong); err != nil {
			return err
		}
		beside.Merge(got.Latency)
	}
	group := "keys"
	r.add(measure{what: "1,000 commands/s with a key, p50", unit: " ms", untargeted: true, group: group}, driver.Millis(alone, 50))
	r.add(measure{what: "  p99", unit: " ms", untargeted: true, group: group}, driver.Millis(alone, 99))
	r.add(measure{what: "  p50 beside 1,000 wrong keys/s", unit: " ms", untargeted: true, group: group}, driver.Millis(beside, 50))
	r.add(measure{what: "  p99 beside 1,000 wrong keys/s", unit: " ms", untargeted: true, group: group}, driver.Millis(beside, 99))
	r.add(measure{what: "  p99 beside them, of that without", unit: " %", target: 110, atMost: true, group: group}, 100*driver.Millis(beside, 99)/driver.Millis(alone, 99))

	before := s.CPU()
	got, wrong, err := l.besideWrongKeys(ctx, g.Connections, g.Duration, manyWrong)
	if err != nil {
		return err
	}
	busy := s.CPU() - before
	r.add(measure{what: "wrong keys/s refused, of 10,000 sent", untargeted: true, group: group}, float64(wrong.refused)/got.Took.Seconds())
	r.add(measure{what: "  cores used by the bank", untargeted: true, group: group}, busy.Seconds()/got.Took.Seconds())
	r.add(measure{what: "  p99 beside them", unit: " ms", untargeted: true, group: group}, got.Quantile(99))
	r.add(measure{what: "  refused of the right key", atMost: true, group: group}, float64(got.Refused))
	r.add(measure{what: "  livez other than 200", atMost: true, group: group}, float64(wrong.dead))
	r.add(measure{what: "  livez, slowest", unit: " ms", untargeted: true, group: group}, ms(wrong.slowest))
	return nil
}

// wrong is what was seen of requests with wrong keys, and of /livez beside them.
type wrong struct {
	refused, dead int64
	slowest       time.Duration // of /livez
}

// besideWrongKeys sends commands with the right key while others send wrong ones.
func (l *load) besideWrongKeys(ctx context.Context, conns int, d time.Duration, rate float64) (driver.Outcome, wrong, error) {
	sending, stop := context.WithCancel(ctx)
	defer stop()
	var refused, dead atomic.Int64
	var slowest time.Duration
	errs := make([]error, wrongConnections+1)
	var others sync.WaitGroup
	for i := range wrongConnections {
		others.Go(func() { errs[i] = l.sendWrong(sending, i, rate/wrongConnections, &refused) })
	}
	others.Go(func() { slowest, errs[wrongConnections] = l.askLive(sending, &dead) })
	got, err := l.paced(ctx, conns, d, besideWrong)
	stop()
	others.Wait()
	return got, wrong{refused.Load(), dead.Load(), slowest}, errors.Join(append(errs, err)...)
}

// sendWrong sends requests with wrong keys at a rate until ctx ends: keys that are unknown, and
// each fourth time one that is none.
func (l *load) sendWrong(ctx context.Context, seed int, rate float64, refused *atomic.Int64) error {
	c, err := driver.Dial(ctx, l.address, "")
	if err != nil {
		return err
	}
	defer c.Close()
	gap := time.Duration(float64(time.Second) / rate)
	due := time.Now().Add(gap * time.Duration(seed) / wrongConnections)
	for i := 0; ctx.Err() == nil; i++ {
		time.Sleep(time.Until(due))
		due = due.Add(gap)
		if c.Key = apikey.Generate().Text; i%4 == 3 {
			c.Key = "pb_nobody"
		}
		status, answer, err := c.Get("/v1/accounts")
		if err != nil {
			return err
		}
		if status != 401 {
			return fmt.Errorf("a wrong key is answered with %d: %s", status, answer)
		}
		refused.Add(1)
	}
	return nil
}

// askLive asks /livez until ctx ends, and returns how long the slowest answer took.
func (l *load) askLive(ctx context.Context, dead *atomic.Int64) (slowest time.Duration, err error) {
	c, err := driver.Dial(ctx, l.address, "")
	if err != nil {
		return 0, err
	}
	defer c.Close()
	err = every(ctx, func() error {
		began := time.Now()
		status, _, err := c.Get("/livez")
		slowest = max(slowest, time.Since(began))
		if err == nil && status != 200 {
			dead.Add(1)
		}
		return err
	})
	return slowest, err
}
