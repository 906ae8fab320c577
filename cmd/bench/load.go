package main

import (
	"context"
	"fmt"
	"math/rand/v2"
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

// closedLoop keeps conns connections busy for a while: each sends the next command when it has the
// answer to its last one.
func (l *load) closedLoop(ctx context.Context, conns int, d time.Duration) (driver.Outcome, error) {
	return l.drive(ctx, driver.Loop{Conns: conns, For: d})
}

// paced sends at a rate, however long the answers take.
func (l *load) paced(ctx context.Context, conns int, d time.Duration, rate float64) (driver.Outcome, error) {
	return l.drive(ctx, driver.Loop{Conns: conns, For: d, Rate: rate})
}

// drive sends the load.
func (l *load) drive(ctx context.Context, loop driver.Loop) (driver.Outcome, error) {
	loop.Overloads = l.overloads
	return loop.Run(ctx, l.address, l.key, l.steps)
}

// steps returns what a connection sends.
func (l *load) steps(conn int) driver.Step {
	rng := rand.New(rand.NewPCG(uint64(conn), uint64(conn)))
	return func(c *driver.Conn) (int, error) {
		n := l.serial.Add(1)
		path := l.paths[rng.IntN(len(l.paths))][n%2]
		status, answer, err := c.Post(path, l.run, n, l.bodies[rng.IntN(len(l.bodies))])
		switch {
		case err != nil:
			return 0, err
		case status == 503 && l.overloads:
			return 0, driver.ErrRefused // they are many, and need no text
		case status != 201:
			return 0, fmt.Errorf("%w: %d %s", driver.ErrRefused, status, answer)
		}
		return 1, nil
	}
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
