package control

import "time"

// Watch notes when counters last moved, as their owner proves with it that it lives: one that has
// not moved for a whole lease belongs to a dead owner. Only the observer's monotonic clock counts,
// so no two machines' clocks are compared. The zero Watch has seen nothing. It is not safe for
// concurrent use.
type Watch struct{ seen map[string]reading }

// reading is a counter, and when it was first seen at that count.
type reading struct {
	count int64
	since time.Time
}

// Observe notes all counters, by name, as they were read at now. It forgets every other name.
func (w *Watch) Observe(counters map[string]int64, now time.Time) {
	seen := make(map[string]reading, len(counters))
	for name, count := range counters {
		last, known := w.seen[name]
		if !known || last.count != count {
			last = reading{count, now}
		}
		seen[name] = last
	}
	w.seen = seen
}

// Silent returns for how long, at now, a counter has not moved. Of a name that was not observed it
// returns the longest duration there is.
func (w *Watch) Silent(name string, now time.Time) time.Duration {
	return now.Sub(w.seen[name].since)
}

// Forget has a counter watched from the beginning when it is next observed.
func (w *Watch) Forget(name string) { delete(w.seen, name) }

// Reset forgets every counter, as after an outage in which none could be read.
func (w *Watch) Reset() { w.seen = nil }
