package table

import (
	"context"
	"sync"
	"sync/atomic"
)

// rowName names a row of a deployment.
type rowName struct {
	table string
	key   Key
}

// CheckEach checks that the puts of a PutEach are not too many and put no row twice. It does not
// check each put by itself.
func CheckEach(puts []Put) error {
	if len(puts) > MaxEach {
		return invalid("%d puts in one call, at most %d", len(puts), MaxEach)
	}
	if len(puts) < 2 {
		return nil
	}
	seen := make(map[rowName]struct{}, len(puts))
	for i := range puts {
		seen[rowName{puts[i].Table, puts[i].Row.Key}] = struct{}{}
		if len(seen) != i+1 {
			return invalid("put %d: an earlier put of the call has that row", i)
		}
	}
	return nil
}

// Outcomes returns n outcomes of a PutEach that are all err.
func Outcomes(n int, err error) []error {
	all := make([]error, n)
	for i := range all {
		all[i] = err
	}
	return all
}

// PutApart makes a PutEach of single puts, atOnce of them at a time: for a store that can put rows
// only one by one, and for decorators that change what a put does. With atOnce 1 the puts are made
// in their order, by the calling goroutine.
func PutApart(ctx context.Context, puts []Put, atOnce int, put func(context.Context, Put) error) []error {
	if err := CheckEach(puts); err != nil {
		return Outcomes(len(puts), err)
	}
	outcomes := make([]error, len(puts))
	var next atomic.Int64
	work := func() {
		for i := int(next.Add(1)) - 1; i < len(puts); i = int(next.Add(1)) - 1 {
			outcomes[i] = put(ctx, puts[i])
		}
	}
	var others sync.WaitGroup
	for range min(atOnce, len(puts)) - 1 {
		others.Go(work)
	}
	work()
	others.Wait()
	return outcomes
}
