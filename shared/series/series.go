package series

import (
	"context"
	"time"

	"passbook/shared/event"
)

// Series is the course of an account's amounts over the versions From..To. Its columns have one
// value for each point.
type Series struct {
	From, To int64
	// Step is how many versions a point stands for; the last point may have fewer. At 1 every
	// version is there.
	Step int64
	// Versions and Times are the last version of each point, and when it was recorded.
	Versions []int64
	Times    []time.Time

	Posted, Available, Limit Column
}

// Column is an amount over the points, in minor units.
type Column struct {
	Last []int64
	// Min and Max are the extremes among the point's versions; nil at step 1, as both are Last.
	Min, Max []int64
}

// Read returns the series of versions from..to, which must exist, in at most that many points.
func (r *Reader) Read(ctx context.Context, of event.Account, from, to int64, points int) (Series, error) {
	if from > to {
		return Series{From: from, To: to, Step: 1}, nil
	}
	versions, err := r.versions(ctx, of, from, to)
	if err != nil {
		return Series{}, err
	}
	return thin(versions, from, to, int64(points)), nil
}

// thin makes at most that many points of the versions from..to.
func thin(versions []amounts, from, to, points int64) Series {
	s := Series{From: from, To: to, Step: (to - from + points) / points}
	for begin := int64(0); begin < int64(len(versions)); begin += s.Step {
		part := versions[begin:min(begin+s.Step, int64(len(versions)))]
		s.Versions = append(s.Versions, from+begin+int64(len(part))-1)
		s.Times = append(s.Times, time.UnixMicro(part[len(part)-1].at).UTC())
		s.Posted.add(part, s.Step, func(a amounts) int64 { return a.posted })
		s.Available.add(part, s.Step, func(a amounts) int64 { return a.available })
		s.Limit.add(part, s.Step, func(a amounts) int64 { return a.limit })
	}
	return s
}

// add appends a point.
func (c *Column) add(part []amounts, step int64, value func(amounts) int64) {
	low, high := value(part[0]), value(part[0])
	for _, a := range part[1:] {
		low, high = min(low, value(a)), max(high, value(a))
	}
	c.Last = append(c.Last, value(part[len(part)-1]))
	if step > 1 {
		c.Min, c.Max = append(c.Min, low), append(c.Max, high)
	}
}
