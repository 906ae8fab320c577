package scenario

import (
	"context"
	"sync"
	"time"

	"passbook/cmd/bench/driver"
)

// probes is how many connections measure during a round how soon a command can be read, and
// probeEvery how often each of them does.
const (
	probes     = 2
	probeEvery = 20 * time.Millisecond
)

// visible measures until ctx ends how long after a command's answer its balance shows it.
func (l *Load) visible(ctx context.Context, address string) (driver.Outcome, error) {
	all := driver.Outcome{Latency: driver.NewLatency()}
	parts, errs := make([]driver.Outcome, probes), make([]error, probes)
	var wg sync.WaitGroup
	for i := range probes {
		wg.Go(func() { parts[i], errs[i] = l.probe(ctx, address, i) })
	}
	wg.Wait()
	for i, part := range parts {
		if errs[i] != nil {
			return all, errs[i]
		}
		all.Done += part.Done
		all.Latency.Merge(part.Latency)
	}
	return all, nil
}

// probe measures on one connection.
func (l *Load) probe(ctx context.Context, address string, conn int) (driver.Outcome, error) {
	o := driver.Outcome{Latency: driver.NewLatency()}
	c, err := driver.Dial(context.WithoutCancel(ctx), address, "")
	if err != nil {
		return o, err
	}
	defer c.Close()
	rng := random(conn)
	tick := time.NewTicker(probeEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return o, nil
		case <-tick.C:
		}
		waited, err := l.seen(c, rng.IntN(l.Accounts))
		if err != nil {
			return o, err
		}
		o.Done++
		driver.Record(o.Latency, waited)
	}
}
