package derived

import (
	"container/heap"
	"context"
	"fmt"
	"math"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"passbook/shared/event"
	"passbook/shared/table"
)

const (
	// firstRows and mostRows are the first and the largest page of a partition: most partitions of
	// a page have few of its entries.
	firstRows = 16
	mostRows  = 256
)

// lead leads to an entry.
type lead struct {
	at    string
	entry *event.Entry // nil until it is read
}

// source yields leads, newest first.
type source struct {
	leads []lead
	ended bool
	// bound is not before the next lead; of a source that was never filled, which therefore waits
	// until it is its turn.
	bound string
	// more returns the next leads, and whether they are the last.
	more func(ctx context.Context) ([]lead, bool, error)
}

// fill reads the next leads if none are left.
func (s *source) fill(ctx context.Context) (err error) {
	for len(s.leads) == 0 && !s.ended && err == nil {
		s.leads, s.ended, err = s.more(ctx)
	}
	return err
}

// top returns a place that is not before the next lead.
func (s *source) top() string {
	if len(s.leads) > 0 {
		return s.leads[0].at
	}
	return s.bound
}

// span bounds the places of a list, both inclusive.
type span struct{ from, to string }

// spanOf returns the span of a filter from a position on.
func spanOf(f Filter, at position, oldest time.Time) span {
	from := f.From
	if f.Holder == "" && from.Before(oldest) {
		from = oldest
	}
	s := span{TimeKey(from), "~"}
	switch {
	case at.place != "":
		s.to = at.place
	case !f.To.IsZero():
		s.to = TimeKey(f.To)
	}
	return s
}

// partitionSource returns the leads of a partition of the index.
func (x *Events) partitionSource(pk string, in span) *source {
	q := table.Query{Table: Table, PK: pk, Limit: firstRows, Desc: true, From: table.S(in.from), To: table.S(in.to)}
	return &source{more: func(ctx context.Context) ([]lead, bool, error) {
		page, err := x.table.Query(ctx, q)
		if err != nil {
			return nil, false, fmt.Errorf("list %s: %w", pk, err)
		}
		leads := make([]lead, len(page.Rows))
		for i, row := range page.Rows {
			leads[i].at = row.SK
		}
		q.After, q.Limit = page.After, min(q.Limit*4, mostRows)
		return leads, q.After == "", nil
	}}
}

// accountSource returns the leads of an account, from its journal.
func (x *Events) accountSource(row HolderRow, in span) *source {
	next := int64(0) // the version to continue with, 0 before the first page
	bound := min(TimeKey(row.AsOf)+"~", in.to)
	return &source{bound: bound, more: func(ctx context.Context) (leads []lead, ended bool, err error) {
		if next == 0 {
			if next, err = x.newest(ctx, row, in); next == 0 || err != nil {
				return nil, true, err
			}
		}
		for e, err := range x.journal.Backward(ctx, row.Account, next) {
			if err != nil {
				return nil, false, fmt.Errorf("list %s: %w", row.Account, err)
			}
			at := placeOf(e).String()
			if next = e.First - 1; at < in.from {
				return leads, true, nil
			}
			if at > in.to {
				continue
			}
			if leads = append(leads, lead{at, e}); len(leads) == firstRows {
				break
			}
		}
		return leads, next == 0, nil
	}}
}

// newest returns the newest version of an account that may be in a span, 0 if there is none.
func (x *Events) newest(ctx context.Context, row HolderRow, in span) (int64, error) {
	at := time.UnixMicro(math.MaxInt64 / 2)
	if len(in.to) >= timeChars {
		micros, err := strconv.ParseInt(in.to[:timeChars], 10, 64)
		if err != nil {
			return 0, fmt.Errorf("list %s up to %s: %w", row.Account, in.to, err)
		}
		at = time.UnixMicro(micros)
	}
	version, err := x.journal.VersionAt(ctx, row.Account, at)
	if err != nil {
		return 0, fmt.Errorf("list %s up to %s: %w", row.Account, in.to, err)
	}
	return min(version, row.Version), nil // its row may be behind, and bound is the row's
}

// merge yields the leads of several sources in one order, each once. It is a heap of the sources
// that are not empty.
type merge struct {
	sources []*source
	last    string
}

// open opens the sources that have all events of a filter: the accounts of a holder, or else the
// partitions of the narrowest part of the filter.
func (x *Events) open(ctx context.Context, f Filter, at position) (*merge, error) {
	m, in := &merge{}, spanOf(f, at, x.now().Add(-Retention))
	if f.Holder != "" {
		rows, err := x.holders.HolderAccounts(ctx, f.Tenant, f.Holder)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			m.sources = append(m.sources, x.accountSource(row, in))
		}
		heap.Init(m)
		return m, nil
	}
	generation, err := x.holders.Live(ctx)
	if err != nil {
		return nil, err
	}
	group, filling := errgroup.WithContext(ctx)
	group.SetLimit(readParallel)
	var all []*source
	for _, pk := range f.partitions(generation) {
		s := x.partitionSource(pk, in)
		all = append(all, s)
		group.Go(func() error { return s.fill(filling) })
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for _, s := range all {
		if len(s.leads) > 0 {
			m.sources = append(m.sources, s)
		}
	}
	heap.Init(m)
	return m, nil
}

// partitions returns the partitions that have all events of a filter.
func (f Filter) partitions(generation int64) (keys []string) {
	if f.CorrelationID != "" {
		return []string{partition(generation, kindCorrelation, f.Tenant, "", f.CorrelationID)}
	}
	kind, values := kindType, f.Types
	if f.Actor != "" {
		kind, values = kindActor, []string{f.Actor}
	}
	for _, bucket := range event.HashBuckets {
		for _, value := range values {
			keys = append(keys, partition(generation, kind, f.Tenant, string(bucket), value))
		}
	}
	return keys
}

// next returns up to so many leads, none at the end.
func (m *merge) next(ctx context.Context, most int) (leads []lead, err error) {
	for len(leads) < most && len(m.sources) > 0 {
		s := m.sources[0]
		if len(s.leads) > 0 {
			if s.leads[0].at != m.last {
				leads, m.last = append(leads, s.leads[0]), s.leads[0].at
			}
			s.leads = s.leads[1:]
		}
		if err := s.fill(ctx); err != nil {
			return nil, err
		}
		if len(s.leads) == 0 {
			heap.Pop(m)
		} else {
			heap.Fix(m, 0)
		}
	}
	return leads, nil
}

// Len implements heap.Interface.
func (m *merge) Len() int { return len(m.sources) }

// Less implements heap.Interface: the newest is first.
func (m *merge) Less(i, j int) bool { return m.sources[i].top() > m.sources[j].top() }

// Swap implements heap.Interface.
func (m *merge) Swap(i, j int) { m.sources[i], m.sources[j] = m.sources[j], m.sources[i] }

// Push implements heap.Interface; no source is added.
func (m *merge) Push(any) {}

// Pop implements heap.Interface.
func (m *merge) Pop() any {
	last := m.sources[len(m.sources)-1]
	m.sources = m.sources[:len(m.sources)-1]
	return last
}
