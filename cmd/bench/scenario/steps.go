package scenario

import (
	"bytes"
	"cmp"
	"fmt"
	"math/rand/v2"
	"strconv"

	"passbook/cmd/bench/driver"
)

// moneyMoved credits and withdraws by turns, one command a request, evenly over the accounts.
func moneyMoved(l *Load, conn int) driver.Step {
	rng := random(conn)
	return func(c *driver.Conn) (int, error) {
		n := l.serial.Add(1)
		what := credits
		if n%2 == 0 {
			what = withdrawals
		}
		return one(c.Post(l.path(rng.IntN(l.Accounts), what), l.run, n, l.body(rng)))
	}
}

// balancesRead reads balances, evenly over the accounts.
func balancesRead(l *Load, conn int) driver.Step {
	rng := random(conn)
	return func(c *driver.Conn) (int, error) {
		return one(c.Get(l.path(rng.IntN(l.Accounts), balance)))
	}
}

// transferred moves money between two accounts.
func transferred(l *Load, conn int) driver.Step {
	rng := random(conn)
	var body []byte
	return func(c *driver.Conn) (int, error) {
		from := rng.IntN(l.Accounts)
		to := (from + 1 + rng.IntN(l.Accounts-1)) % l.Accounts
		body = fmt.Appendf(body[:0], `{"from":%q,"to":%q,"amount":%d,"currency":"EUR","reference":"bench"}`, id(from), id(to), 1+rng.IntN(amounts))
		return one(c.Post("/v1/transfers", l.run, l.serial.Add(1), body))
	}
}

// The parts of a hundred of a mixed load: the rest are holds and their captures, by turns.
const mixedReads, mixedCredits = 10, 20

// mixed authorises and captures as cards do, credits and reads.
func mixed(l *Load, conn int) driver.Step {
	rng := random(conn)
	var capture string // the path of the capture of the hold that is open
	return func(c *driver.Conn) (int, error) {
		account := rng.IntN(l.Accounts)
		switch part := rng.IntN(100); {
		case part < mixedReads:
			return one(c.Get(l.path(account, balance)))
		case part < mixedReads+mixedCredits:
			return one(c.Post(l.path(account, credits), l.run, l.serial.Add(1), l.body(rng)))
		case capture != "":
			to := capture
			capture = ""
			return one(c.Post(to, l.run, l.serial.Add(1), []byte("{}")))
		}
		status, answer, err := c.Post(l.path(account, holds), l.run, l.serial.Add(1), l.body(rng))
		done, err := one(status, answer, err)
		if err != nil {
			return done, err
		}
		_, rest, found := bytes.Cut(answer, []byte(`"hold_id":"`))
		hold, _, _ := bytes.Cut(rest, []byte(`"`))
		if !found {
			return done, fmt.Errorf("no hold in %.300s", answer)
		}
		capture = l.path(account, holds) + "/" + string(hold) + "/capture"
		return done, nil
	}
}

// body returns a random amount's request.
func (l *Load) body(rng *rand.Rand) []byte { return l.bodies[rng.IntN(len(l.bodies))] }

// inBulk returns the steps that credit and withdraw by turns, so many commands a request, evenly
// over the accounts.
func inBulk(lines int) func(l *Load, conn int) driver.Step {
	return func(l *Load, conn int) driver.Step {
		rng := random(conn)
		var text []byte
		return func(c *driver.Conn) (int, error) {
			last := l.serial.Add(int64(lines))
			text = text[:0]
			for n := last - int64(lines) + 1; n <= last; n++ {
				text = l.appendLine(text, n, rng)
			}
			answers, done := 0, 0
			var refused error
			err := c.Bulk(text, func(answer []byte) error {
				answers++
				if err := committed(answer); err != nil {
					l.refused.add(answer)
					refused = cmp.Or(refused, err)
					return nil
				}
				done++
				return nil
			})
			if err == nil && answers != lines {
				err = fmt.Errorf("a bulk request of %d lines has %d answers", lines, answers)
			}
			return done, cmp.Or(err, refused)
		}
	}
}

// appendLine adds a line of bulk.
func (l *Load) appendLine(text []byte, n int64, rng *rand.Rand) []byte {
	op := `{"op":"credit","idempotency_key":"`
	if n%2 == 0 {
		op = `{"op":"withdraw","idempotency_key":"`
	}
	text = append(append(text, op...), l.run...)
	text = strconv.AppendInt(text, n, 10)
	text = append(append(append(text, `","account_id":"`...), l.ids[rng.IntN(len(l.ids))]...), `","amount":`...)
	text = strconv.AppendInt(text, 1+rng.Int64N(amounts), 10)
	return append(text, `,"currency":"EUR","reference":"bench"}`+"\n"...)
}

// statusWithin is how many bytes of an answer of bulk the status is looked for in.
const statusWithin = 64

// committed returns an error unless an answer of bulk is 201.
func committed(answer []byte) error {
	if !bytes.Contains(answer[:min(len(answer), statusWithin)], []byte(`"status":201`)) {
		return fmt.Errorf("%w: %.300s", driver.ErrRefused, answer)
	}
	return nil
}

// prepared returns lines of bulk, made before they are sent: many connections may read them.
func (l *Load) prepared(n int, rng *rand.Rand) [][]byte {
	lines := make([][]byte, n)
	for i := range lines {
		lines[i] = l.appendLine(nil, int64(i), rng)
	}
	return lines
}
