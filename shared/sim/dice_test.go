package sim

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// dice decides from a seed all that a run leaves to chance. What is drawn depends on what it is for
// and on how often that was drawn, and not on what else is drawn before it: goroutines that wake at
// one moment may draw in any order.
type dice struct {
	seed uint64

	mu    sync.Mutex
	drawn map[string]uint64
}

func newDice(seed uint64) *dice { return &dice{seed: seed, drawn: map[string]uint64{}} }

// of returns the next source of numbers for a purpose.
func (d *dice) of(purpose string) *rand.Rand {
	d.mu.Lock()
	n := d.drawn[purpose]
	d.drawn[purpose]++
	d.mu.Unlock()
	return rand.New(rand.NewPCG(mix(d.seed, purpose), n))
}

// mix hashes a text with a seed: FNV-1a, finished by the mixer of SplitMix64.
func mix(seed uint64, text string) uint64 {
	h := seed ^ 14695981039346656037
	for i := range len(text) {
		h = (h ^ uint64(text[i])) * 1099511628211
	}
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}

// between returns a duration from least to most. To the nanosecond two are hardly ever equal, so
// goroutines wake one at a time.
func between(r *rand.Rand, least, most time.Duration) time.Duration {
	return least + time.Duration(r.Int64N(int64(most-least)))
}

// pause waits for d, in the virtual time of the bubble.
func pause(d time.Duration) { <-time.After(d) }

// trace is the calls of all processes, in the order in which the stores took them.
type trace struct {
	began time.Time
	mu    sync.Mutex
	lines []string
	sum   uint64
	keep  bool
}

// note adds a line.
func (t *trace) note(who, what, outcome string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	line := fmt.Sprintf("%12.6f %-10s %s: %s", time.Since(t.began).Seconds(), who, what, outcome)
	t.sum = mix(t.sum, line)
	if t.keep {
		t.lines = append(t.lines, line)
	}
}
