package scenario

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"passbook/cmd/bench/driver"
)

// bulkConnections is how many bulk requests fill a bank at once, fillEach how many commands or
// accounts each has.
const bulkConnections, fillEach = 4, 5000

// fill sends lines by bulk on some connections, the nth as add appends it, and fails unless all are
// committed.
func fill(ctx context.Context, address string, connections, n int, add func(text []byte, n int) []byte) error {
	var wg sync.WaitGroup
	errs := make([]error, connections)
	for i := range connections {
		wg.Go(func() { errs[i] = fillPart(ctx, address, n*i/connections, n*(i+1)/connections, add) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// fillPart sends a part of the lines on one connection.
func fillPart(ctx context.Context, address string, from, to int, add func(text []byte, n int) []byte) error {
	c, err := driver.Dial(ctx, address, "")
	if err != nil {
		return err
	}
	defer c.Close()
	var text []byte
	for n := from; n < to && ctx.Err() == nil; n++ {
		text = add(text, n)
		if (n-from)%fillEach == fillEach-1 || n == to-1 {
			if err := c.Bulk(text, committed); err != nil {
				return err
			}
			text = text[:0]
		}
	}
	return ctx.Err()
}

// appendOpen adds the line that opens an account.
func appendOpen(text []byte, n int) []byte {
	return fmt.Appendf(text, `{"op":"open","idempotency_key":"o-%d","account_id":%q,"currency":"EUR"}`+"\n", n, id(n))
}

// appendFunds adds the line that gives an account more than any load withdraws.
func appendFunds(text []byte, n int) []byte {
	return fmt.Appendf(text, `{"op":"credit","idempotency_key":"f-%d","account_id":%q,"amount":%d,"currency":"EUR"}`+"\n", n, id(n), funds)
}
