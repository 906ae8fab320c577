package archived

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"passbook/shared/archive"
	"passbook/shared/segment"
)

const (
	// planAge is how old a listing of the archive may be: what is read of it is old.
	planAge = time.Minute
	// planDeadline bounds the reading of all footers.
	planDeadline = 5 * time.Minute
	// gapMargin is how long before its arrival a record of a gap may have been recorded.
	gapMargin = time.Hour
)

// plans keeps the newest listing of the archive. Its zero value has none. Safe for concurrent use.
type plans struct {
	loads  singleflight.Group
	newest atomic.Pointer[listing]
}

type listing struct {
	plan archive.Plan
	at   time.Time
}

// load returns a listing of the archive that is at most planAge old. A caller who does not wait for
// it finds it later.
func (p *plans) load(ctx context.Context, c Config) (archive.Plan, error) {
	if kept := p.newest.Load(); kept != nil && time.Since(kept.at) < planAge {
		return kept.plan, nil
	}
	listed := p.loads.DoChan("", func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), planDeadline)
		defer cancel()
		began := time.Now()
		plan, err := archive.LoadPlan(ctx, c.Bucket)
		if err != nil {
			return nil, fmt.Errorf("list the archive: %w", err)
		}
		p.newest.Store(&listing{plan.OfBank(c.Bank), began})
		return nil, nil
	})
	select {
	case <-ctx.Done():
		return archive.Plan{}, fmt.Errorf("list the archive: %w", ctx.Err())
	case did := <-listed:
		if did.Err != nil {
			return archive.Plan{}, did.Err
		}
		return p.newest.Load().plan, nil
	}
}

// part is a part of the archive: a segment, or a gap.
type part struct {
	key string
	// from and to are the microseconds between which its entries were recorded, both inclusive.
	from, to int64
	rows     int64
	// gap says what is missing; "" of a segment.
	gap string
}

// partsOf returns the parts of a plan with entries that were recorded from a microsecond to
// another, those first whose last is the newest.
func partsOf(plan archive.Plan, from, to int64) (parts []part) {
	add := func(p part) {
		if p.to = min(p.to, to); p.from <= p.to && p.to >= from {
			parts = append(parts, p)
		}
	}
	arrived := map[string]int64{}
	for _, s := range plan.Segments {
		arrived[s.Key] = s.Footer.Arrived.From
		add(part{key: s.Key, from: s.Footer.Recorded.From, to: s.Footer.Recorded.To, rows: s.Footer.Rows})
	}
	for _, g := range plan.Gaps {
		begins, known := arrived[g.After.Key]
		if name, err := segment.ParseKey(g.Key); !known && err == nil {
			begins = name.Date.UnixMicro()
		}
		add(part{key: g.Key, from: begins - gapMargin.Microseconds(), to: g.Until, gap: g.What})
	}
	slices.SortFunc(parts, func(a, b part) int { return cmp.Or(cmp.Compare(b.to, a.to), cmp.Compare(a.key, b.key)) })
	return parts
}
