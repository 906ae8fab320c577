package main

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"passbook/cmd/bench/driver"
)

// probes is how many connections measure during the load, and probeEvery how often each of them
// does.
const (
	probes     = 4
	probeEvery = 20 * time.Millisecond
)

// visibility measures, beside a paced load, how long after a command's answer the balance shows it:
// each probe sends a command and then reads the balance with the version of the answer as
// min_version.
func (l *load) visibility(ctx context.Context, conns int, d time.Duration, rate float64) (load, visible driver.Outcome, err error) {
	parts, errs := make([]driver.Outcome, probes), make([]error, probes)
	var wg sync.WaitGroup
	for i := range probes {
		wg.Go(func() { parts[i], errs[i] = l.probe(ctx, i, time.Now().Add(d)) })
	}
	load, err = l.paced(ctx, conns, d, rate-probes*float64(time.Second/probeEvery))
	wg.Wait()
	visible.Latency = driver.NewLatency()
	for i, part := range parts {
		if err == nil {
			err = errs[i]
		}
		if part.Latency != nil {
			visible.Latency.Merge(part.Latency)
		}
	}
	return load, visible, err
}

// probe measures on one connection.
func (l *load) probe(ctx context.Context, i int, end time.Time) (driver.Outcome, error) {
	c, err := driver.Dial(ctx, l.address, l.key)
	if err != nil {
		return driver.Outcome{}, err
	}
	defer c.Close()
	r := driver.Outcome{Latency: driver.NewLatency()}
	tick := time.NewTicker(probeEvery)
	defer tick.Stop()
	for time.Now().Before(end) {
		select {
		case <-ctx.Done():
			return r, ctx.Err()
		case <-tick.C:
		}
		account := l.accounts[(i+int(r.Done)*probes)%len(l.accounts)]
		waited, err := l.seen(c, account)
		if err != nil {
			return r, err
		}
		r.Done++
		driver.Record(r.Latency, waited)
	}
	return r, nil
}

// readVersion finds the version in a command's answer.
func readVersion(answer []byte) (int64, error) {
	const mark = `"version":`
	for i := 0; i+len(mark) < len(answer); i++ {
		if string(answer[i:i+len(mark)]) != mark {
			continue
		}
		end := i + len(mark)
		for end < len(answer) && answer[end] >= '0' && answer[end] <= '9' {
			end++
		}
		return strconv.ParseInt(string(answer[i+len(mark):end]), 10, 64)
	}
	return 0, fmt.Errorf("no version in %s", answer)
}

// markers is how many commands caughtUp sends: enough to find every shard.
const markers = 64

// caughtUp waits until the balances show everything that was answered before: a shard is read in
// order, so a marker at its end shows that.
func (l *load) caughtUp(ctx context.Context) error {
	c, err := driver.Dial(ctx, l.address, l.key)
	if err != nil {
		return err
	}
	defer c.Close()
	for i := range min(markers, len(l.accounts)) {
		if _, err := l.seen(c, l.accounts[i]); err != nil {
			return fmt.Errorf("wait until the consumers have caught up: %w", err)
		}
	}
	return ctx.Err()
}

// seen sends a command and waits until the balance shows it; it returns how long after the answer
// that was.
func (l *load) seen(c *driver.Conn, account string) (time.Duration, error) {
	status, answer, err := c.Post("/v1/accounts/"+account+"/credits", l.run, l.serial.Add(1), l.bodies[0])
	if err := expect(status, answer, err); err != nil {
		return 0, err
	}
	version, err := readVersion(answer)
	if err != nil {
		return 0, err
	}
	answered := time.Now()
	err = expect(c.Get("/v1/accounts/" + account + "/balance?wait=8s&min_version=" + strconv.FormatInt(version, 10)))
	return time.Since(answered), err
}
