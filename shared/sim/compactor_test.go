package sim

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"passbook/shared/backoff"
	"passbook/shared/bucket"
	"passbook/shared/event"
	"passbook/shared/event/eventtest"
	"passbook/shared/eventtable"
	"passbook/shared/origin"
	"passbook/shared/segment"
)

// compact adds the archive's events to the events table, again and again. Those of several
// processes do so at once.
func (p *process) compact(ctx context.Context) error {
	own := p.part("compactor")
	draw := p.run.dice.of(own.name)
	for n := 0; backoff.Sleep(ctx, between(draw, 500*time.Millisecond, 8*time.Second)) == nil; n++ {
		most := int64(1 << 20)
		if draw.IntN(2) == 0 {
			most = 1 + draw.Int64N(30)
		}
		_, _ = own.addRows(ctx, n, most)
	}
	return nil
}

// disturbedRuns is how many runs of each process's compactor may end at any step and lack segments,
// also when it is calm: they are quicker than clients.
const disturbedRuns = 5

// addRows runs the compactor for the n-th time, with so many events in memory at once, and checks
// what it says.
func (p part) addRows(ctx context.Context, n int, most int64) (eventtable.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	t, err := p.openTable(ctx)
	if err != nil {
		return eventtable.Result{}, err
	}
	if n < disturbedRuns && t.draw.IntN(2) == 0 {
		t.left, t.after = 1+t.draw.IntN(8), t.draw.IntN(2) == 0
	}
	from := archiveView{p.run.bucket, p, n}
	seen := p.run.segments.entries(from.hides)
	result, err := eventtable.Run(ctx, eventtable.Config{
		Archive: from, Table: t, Origin: &origin.Proof{Bank: eventtest.Bank, Keys: eventtest.Keys}, Events: most,
	})
	p.run.checkRun(result, err == nil, seen)
	return result, err
}

// checkRun checks that a run of the compactor named what it left out.
func (r *run) checkRun(result eventtable.Result, done bool, seen []*event.Entry) {
	for _, f := range result.Forks {
		if !r.segments.named(event.Account{Tenant: f.Tenant, ID: f.Account}, f.Version) {
			r.fail("the events table calls an entry of the bank a fork: %v", f)
		}
	}
	for _, f := range result.Foreign {
		r.fail("the events table calls an entry of the bank foreign: %v", f)
	}
	if !done {
		return
	}
	for _, e := range seen {
		waits := func(f eventtable.Fault) bool {
			return f.Tenant == e.Tenant && f.Account == e.AccountID && f.Version <= e.First
		}
		if !r.tables.has(e) && !slices.ContainsFunc(result.Waiting, waits) {
			r.fail("a run of the compactor ended without %s v%d, and did not name it", e.AccountID, e.First)
		}
	}
}

// archiveView is the archive as the n-th run of a compactor reads it. How many segments it reads at
// once depends on the cores, so the calls take no time, and which of them fail is drawn by the key.
type archiveView struct {
	bucket.Bucket
	part part
	n    int
}

// hides reports whether the view lacks an object: all segments of the archiver and their end
// markers in some runs of the simulation, and any segment that is missing for a while.
func (v archiveView) hides(key string) bool {
	if strings.Contains(key, "/"+events+"-") && v.part.run.segments.hidesOriginals.Load() {
		return true
	}
	return strings.HasPrefix(key, segment.AnyRoot) && v.n < disturbedRuns && v.chance("hides "+key) < 150
}

// chance returns a number below 1,000.
func (v archiveView) chance(what string) uint64 {
	return mix(v.part.run.seed, fmt.Sprint(v.part.name, v.n, what)) % 1000
}

// Open implements bucket.Bucket.
func (v archiveView) Open(ctx context.Context, key string) (bucket.Object, error) {
	if v.chance("opens "+key) < uint64(v.part.run.faults.now().failed/8) {
		return nil, fmt.Errorf("open %s: %w", key, errUnanswered)
	}
	return v.Bucket.Open(ctx, key)
}

// List implements bucket.Bucket.
func (v archiveView) List(ctx context.Context, prefix, after string) (bucket.Page, error) {
	page, err := v.Bucket.List(ctx, prefix, after)
	page.Objects = slices.DeleteFunc(page.Objects, func(o bucket.Info) bool { return v.hides(o.Key) })
	return page, err
}
