package scenario

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync/atomic"

	"passbook/cmd/bench/driver"
)

// Load is what a scenario sends.
type Load struct {
	// Accounts is how many there are.
	Accounts int
	// what names the things that are counted.
	what  string
	steps func(l *Load, conn int) driver.Step
	// run starts each idempotency key, so that no load repeats another's.
	run    string
	serial atomic.Int64
	paths  []paths
	bodies [][]byte
}

// paths are what an account is asked under.
type paths struct{ credits, withdrawals, balance string }

// amounts is how many different amounts are moved, from one cent.
const amounts = 99

// funds is what each account has at first, in cents: more than any load withdraws.
const funds = 1_000_000_000

// id returns an account's id.
func id(n int) string { return fmt.Sprintf("B-%06d", n) }

// newLoad prepares the requests over so many accounts.
func newLoad(accounts int, what string, steps func(l *Load, conn int) driver.Step) *Load {
	l := &Load{Accounts: accounts, what: what, steps: steps}
	for n := range accounts {
		of := "/v1/accounts/" + id(n)
		l.paths = append(l.paths, paths{of + "/credits", of + "/withdrawals", of + "/balance"})
	}
	for cents := 1; cents <= amounts; cents++ {
		l.bodies = append(l.bodies, fmt.Appendf(nil, `{"amount":%d,"currency":"EUR","reference":"bench"}`, cents))
	}
	return l
}

// random returns the random numbers of a connection.
func random(conn int) *rand.Rand { return rand.New(rand.NewPCG(uint64(conn), rand.Uint64())) }

// moneyMoved credits and withdraws by turns, one command a request, evenly over the accounts.
func moneyMoved(l *Load, conn int) driver.Step {
	rng := random(conn)
	return func(c *driver.Conn) (int, error) {
		n := l.serial.Add(1)
		path := l.paths[rng.IntN(len(l.paths))]
		to := path.credits
		if n%2 == 0 {
			to = path.withdrawals
		}
		return one(c.Post(to, l.run, n, l.bodies[rng.IntN(len(l.bodies))]))
	}
}

// one returns what one answer says of one command.
func one(status int, answer []byte, err error) (int, error) {
	switch {
	case err != nil:
		return 0, err
	case status >= http.StatusMultipleChoices:
		return 0, fmt.Errorf("%w: %d %.300s", driver.ErrRefused, status, answer)
	}
	return 1, nil
}

// version finds the version in a command's answer.
func version(answer []byte) (int64, error) {
	_, rest, found := bytes.Cut(answer, []byte(`"version":`))
	digits := rest[:len(rest)-len(bytes.TrimLeft(rest, "0123456789"))]
	if !found || len(digits) == 0 {
		return 0, fmt.Errorf("no version in %.300s", answer)
	}
	return strconv.ParseInt(string(digits), 10, 64)
}

// seen credits an account and waits until its balance shows that.
func (l *Load) seen(c *driver.Conn, account int) error {
	status, answer, err := c.Post(l.paths[account].credits, l.run, l.serial.Add(1), l.bodies[0])
	if _, err = one(status, answer, err); err != nil {
		return err
	}
	v, err := version(answer)
	if err != nil {
		return err
	}
	_, err = one(c.Get(l.paths[account].balance + "?wait=8s&min_version=" + strconv.FormatInt(v, 10)))
	return err
}

// markers is how many accounts shown asks: enough to find every shard.
const markers = 64

// shown waits until the balances show everything that was answered before: a shard is read in
// order, so a marker at its end shows that.
func (l *Load) shown(ctx context.Context, address string) error {
	c, err := driver.Dial(ctx, address, "")
	if err != nil {
		return err
	}
	defer c.Close()
	for n := range min(markers, l.Accounts) {
		if err := l.seen(c, n); err != nil {
			return fmt.Errorf("wait until the balances show the load: %w", err)
		}
	}
	return ctx.Err()
}
