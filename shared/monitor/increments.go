package monitor

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// increments are by how much the counts of all processes rose between two samples.
type increments struct {
	took     time.Duration
	counters map[Figure]float64
	buckets  map[Figure]map[float64]float64
	failures map[Figure]string
}

func newIncrements(took time.Duration) *increments {
	return &increments{took: took, counters: map[Figure]float64{}, buckets: map[Figure]map[float64]float64{}, failures: map[Figure]string{}}
}

// add adds by how much the counts of one process rose.
func (i *increments) add(now, before reading) {
	for of, by := range risen(now.counters, before.counters) {
		i.counters[of] += by
	}
	for of, buckets := range now.buckets {
		rose := risen(buckets, before.buckets[of])
		if i.buckets[of] == nil {
			i.buckets[of] = rose
			continue
		}
		for bound, by := range rose {
			i.buckets[of][bound] += by
		}
	}
	for of, causes := range now.causes {
		rose := risen(causes, before.causes[of])
		for _, cause := range slices.Sorted(maps.Keys(rose)) {
			if rose[cause] > 0 {
				i.failures[of] = fmt.Sprintf("%s, %.0f times", cause, rose[cause])
			}
		}
	}
}
