package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"passbook/cmd/bench/driver"
)

// load is what the driver sends: half credits, half withdrawals of 1 to 99 cents, evenly over the
// accounts.
type load struct {
	address  string
	key      string // an API key, if the bank asks for one
	run      string // starts every idempotency key, so that no run repeats another's
	accounts []string
	paths    [][2]string
	bodies   [][]byte
	serial   atomic.Int64
	// overloads says that refusals are measured too.
	overloads bool
}

// newLoad prepares the requests for accounts that exist.
func newLoad(s *driver.Bank, run string, accounts []string) *load {
	l := &load{address: s.Address, key: s.Key, run: run, accounts: accounts}
	for _, id := range accounts {
		l.paths = append(l.paths, [2]string{"/v1/accounts/" + id + "/credits", "/v1/accounts/" + id + "/withdrawals"})
	}
	for cents := 1; cents < 100; cents++ {
		l.bodies = append(l.bodies, fmt.Appendf(nil, `{"amount":%d,"currency":"EUR","reference":"bench"}`, cents))
	}
	return l
}

// result is what a run of the driver measured.
type result struct {
	took      time.Duration
	latencies []time.Duration // sorted, of the answered commands
	refused   int
	refusals  []time.Duration // sorted, from sending to the refusal, of a load that overloads
}

func (r result) rate() float64 { return float64(len(r.latencies)) / r.took.Seconds() }

// quantile returns a latency, q in 0..1.
func (r result) quantile(q float64) time.Duration { return quantile(r.latencies, q) }

func quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

// closedLoop keeps conns connections busy for a while: each sends the next command when it has the
// answer to its last one.
func (l *load) closedLoop(ctx context.Context, conns int, d time.Duration) (result, error) {
	return l.drive(ctx, conns, d, func(int) func() time.Time { return time.Now })
}

// paced sends at a rate, however long the answers take. A latency counts from the time when the
// command was due, so that a stall shows in every command that it delayed.
func (l *load) paced(ctx context.Context, conns int, d time.Duration, rate float64) (result, error) {
	gap := time.Duration(float64(conns) / rate * float64(time.Second))
	began := time.Now()
	return l.drive(ctx, conns, d, func(i int) func() time.Time {
		due := began.Add(gap * time.Duration(i) / time.Duration(conns))
		return func() time.Time {
			now := due
			time.Sleep(time.Until(now))
			due = due.Add(gap)
			return now
		}
	})
}

// drive runs the connections; pace gives each the function that waits for its next command and
// returns when that was due.
func (l *load) drive(ctx context.Context, conns int, d time.Duration, pace func(conn int) func() time.Time) (result, error) {
	began := time.Now()
	end := began.Add(d)
	parts, errs := make([]result, conns), make([]error, conns)
	var wg sync.WaitGroup
	for i := range conns {
		wg.Go(func() { parts[i], errs[i] = l.driveOne(ctx, uint64(i), end, pace(i)) })
	}
	wg.Wait()
	all := result{took: time.Since(began)}
	for i, part := range parts {
		if errs[i] != nil {
			return all, fmt.Errorf("connection %d: %w", i, errs[i])
		}
		all.latencies = append(all.latencies, part.latencies...)
		all.refused += part.refused
		all.refusals = append(all.refusals, part.refusals...)
	}
	slices.Sort(all.latencies)
	slices.Sort(all.refusals)
	return all, nil
}

// driveOne runs one connection's loop.
func (l *load) driveOne(ctx context.Context, seed uint64, end time.Time, next func() time.Time) (result, error) {
	c, err := driver.Dial(ctx, l.address, l.key)
	if err != nil {
		return result{}, err
	}
	defer c.Close()
	r := result{latencies: make([]time.Duration, 0, 1<<12)}
	rng := rand.New(rand.NewPCG(seed, seed))
	for due := next(); due.Before(end) && ctx.Err() == nil; due = next() {
		n := l.serial.Add(1)
		path := l.paths[rng.IntN(len(l.paths))][n%2]
		sent := time.Now()
		status, answer, err := c.Post(path, l.run, n, l.bodies[rng.IntN(len(l.bodies))])
		if err != nil {
			return r, err
		}
		if status == 503 && l.overloads {
			r.refused++
			r.refusals = append(r.refusals, time.Since(sent))
			continue
		}
		if status != 201 {
			if r.refused++; r.refused > 10 {
				return r, fmt.Errorf("more than 10 refusals, the last %d: %s", status, answer)
			}
			continue
		}
		r.latencies = append(r.latencies, time.Since(due))
	}
	return r, ctx.Err()
}

// open opens the accounts, each with enough money for every run.
func (l *load) open(ctx context.Context, conns int) error {
	var next atomic.Int64
	errs := make([]error, conns)
	var wg sync.WaitGroup
	for i := range conns {
		wg.Go(func() {
			errs[i] = l.openOne(ctx, func() (string, bool) {
				n := int(next.Add(1)) - 1
				if n >= len(l.accounts) {
					return "", false
				}
				return l.accounts[n], true
			})
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return fmt.Errorf("open the accounts: %w", err)
		}
	}
	return nil
}

// openOne opens what next gives, on one connection.
func (l *load) openOne(ctx context.Context, next func() (id string, more bool)) error {
	c, err := driver.Dial(ctx, l.address, l.key)
	if err != nil {
		return err
	}
	defer c.Close()
	funds := []byte(`{"amount":1000000000,"currency":"EUR"}`)
	for id, more := next(); more && ctx.Err() == nil; id, more = next() {
		body := fmt.Appendf(nil, `{"account_id":%q,"currency":"EUR"}`, id)
		if err := expect(c.Post("/v1/accounts", "open-"+id, 0, body)); err != nil {
			return err
		}
		if err := expect(c.Post("/v1/accounts/"+id+"/credits", "fund-"+id, 0, funds)); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// expect returns an error for every answer but success.
func expect(status int, answer []byte, err error) error {
	if err == nil && status >= 300 {
		err = fmt.Errorf("%d: %s", status, answer)
	}
	return err
}
