package scenario

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"passbook/cmd/bench/driver"
)

// Load is what a scenario sends.
type Load struct {
	// name is the scenario's.
	name string
	// Accounts is how many there are.
	Accounts int
	// what names the things that are counted.
	what string
	// silent says that nothing is written, so that no probe asks when a command can be read.
	silent bool
	steps  func(l *Load, conn int) driver.Step
	// run starts each idempotency key, so that no load repeats another's.
	run    string
	serial atomic.Int64
	ids    []string
	bodies [][]byte
	// refused are the lines of bulk that were.
	refused refusals
}

// What an account is asked for.
const (
	credits     = "/credits"
	withdrawals = "/withdrawals"
	holds       = "/holds"
	balance     = "/balance"
)

// path returns a path of an account. It is put together for each request: those of a million
// accounts would be 200 MB.
func (l *Load) path(account int, what string) string {
	return "/v1/accounts/" + l.ids[account] + what
}

// amounts is how many different amounts are moved, from one cent.
const amounts = 99

// funds is what each account has at first, in cents: more than any load withdraws.
const funds = 1_000_000_000

// id returns an account's id.
func id(n int) string { return fmt.Sprintf("B-%06d", n) }

// newLoad prepares the requests over so many accounts.
func newLoad(name string, accounts int, what string, steps func(l *Load, conn int) driver.Step) *Load {
	l := &Load{name: name, Accounts: accounts, what: what, steps: steps}
	for n := range accounts {
		l.ids = append(l.ids, id(n))
	}
	for cents := 1; cents <= amounts; cents++ {
		l.bodies = append(l.bodies, fmt.Appendf(nil, `{"amount":%d,"currency":"EUR","reference":"bench"}`, cents))
	}
	return l
}

// random returns the random numbers of a connection.
func random(conn int) *rand.Rand { return rand.New(rand.NewPCG(uint64(conn), rand.Uint64())) }

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

// seen credits an account, waits until its balance shows that, and returns how long after the
// answer that was.
func (l *Load) seen(c *driver.Conn, account int) (time.Duration, error) {
	status, answer, err := c.Post(l.path(account, credits), l.run, l.serial.Add(1), l.bodies[0])
	if _, err = one(status, answer, err); err != nil {
		return 0, err
	}
	v, err := version(answer)
	if err != nil {
		return 0, err
	}
	answered := time.Now()
	_, err = one(c.Get(l.path(account, balance) + "?wait=8s&min_version=" + strconv.FormatInt(v, 10)))
	return time.Since(answered), err
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
		if _, err := l.seen(c, n); err != nil {
			return fmt.Errorf("wait until the balances show the load: %w", err)
		}
	}
	return ctx.Err()
}
