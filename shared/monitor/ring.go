package monitor

import (
	"maps"
	"time"
)

// The window: Bins bins of Bin each, and the last recent of them, from which a latency is made.
const (
	Bins   = 60
	Bin    = 10 * time.Second
	recent = 6
)

// ring has the increments of one count, by bin. A bin that is not of the window any more is
// overwritten when its place is needed.
type ring struct {
	sums  [Bins]float64
	times [Bins]int64 // the number of the bin since 1970, 0 for none
}

// add adds an increment to a bin.
func (r *ring) add(bin int64, by float64) {
	if at := bin % Bins; r.times[at] == bin {
		r.sums[at] += by
	} else {
		r.times[at], r.sums[at] = bin, by
	}
}

// history returns the increments of the bins that end with the one before now, oldest first; nil
// where nothing was read.
func (r *ring) history(now int64) []*float64 {
	list := make([]*float64, Bins)
	for i := range list {
		if bin := now - Bins + int64(i); bin >= 0 && r.times[bin%Bins] == bin {
			sum := r.sums[bin%Bins]
			list[i] = &sum
		}
	}
	return list
}

// spread has the increments of a distribution in the newest bins.
type spread struct {
	buckets [recent]map[float64]float64
	times   [recent]int64
}

func (s *spread) add(bin int64, rose map[float64]float64) {
	at := bin % recent
	if s.times[at] != bin {
		s.times[at], s.buckets[at] = bin, map[float64]float64{}
	}
	for bound, by := range rose {
		s.buckets[at][bound] += by
	}
}

// sum returns the distribution of the bins up to now.
func (s *spread) sum(now int64) map[float64]float64 {
	all := map[float64]float64{}
	for at, bin := range s.times {
		if bin <= now-recent {
			continue
		}
		for bound := range maps.Keys(s.buckets[at]) {
			all[bound] += s.buckets[at][bound]
		}
	}
	return all
}

// pace has the increments of the newest samples, from which the rate of now is made.
type pace struct {
	took [paceSamples]time.Duration
	rose [paceSamples]float64
	next int
}

func (p *pace) add(took time.Duration, rose float64) {
	p.took[p.next], p.rose[p.next] = took, rose
	p.next = (p.next + 1) % paceSamples
}

// rate returns the increments a second, and whether there was any sample.
func (p *pace) rate() (float64, bool) {
	var took time.Duration
	sum := 0.0
	for i := range p.took {
		took, sum = took+p.took[i], sum+p.rose[i]
	}
	if took <= 0 {
		return 0, false
	}
	return sum / took.Seconds(), true
}
