package platform

import (
	"fmt"
	"sync"
	"syscall"
	"time"
)

// How much of a volume is kept free: so much, or a fiftieth where that is more, but never more than
// a tenth. What is there already, compaction and the archive, needs room when nothing new comes.
const (
	floorLeast = 256 << 20
	floorPart  = 50
	floorMost  = 10
	// lookEvery bounds how old an answer of Check may be.
	lookEvery = 100 * time.Millisecond
)

// Space watches the room on the volume of a data directory. It may be used concurrently.
type Space struct {
	// look says how much is free, of how much; now is the clock.
	look func() (free, total Bytes, err error)
	now  func() time.Time
	// floor is the setting, 0 for that of the volume's size.
	floor Bytes

	mu     sync.Mutex
	at     time.Time
	free   Bytes
	bound  Bytes
	short  bool
	failed error
}

// newSpace watches the volume of a directory.
func newSpace(dir string, floor Bytes) *Space {
	return &Space{floor: floor, now: time.Now, look: func() (free, total Bytes, err error) {
		var s syscall.Statfs_t
		if err := syscall.Statfs(dir, &s); err != nil {
			return 0, 0, fmt.Errorf("look for room on the volume of %s: %w", dir, err)
		}
		return Bytes(s.Bavail) * Bytes(s.Bsize), Bytes(s.Blocks) * Bytes(s.Bsize), nil //nolint:gosec,unconvert // sizes of a volume; types differ by system
	}}
}

// refresh looks, at most ten times a second. The caller holds the lock.
func (s *Space) refresh() {
	now := s.now()
	if !s.at.IsZero() && now.Sub(s.at) < lookEvery && now.Sub(s.at) >= 0 {
		return
	}
	s.at = now
	free, total, err := s.look()
	if s.failed = err; err != nil {
		return // what was known stays
	}
	s.free, s.bound = free, s.floor
	if s.bound == 0 {
		s.bound = min(max(floorLeast, total/floorPart), total/floorMost)
	}
	// It is over a little above the floor, so that commands do not come and go with each file that
	// is compacted.
	limit := s.bound
	if s.short {
		limit += s.bound / 10
	}
	s.short = free < limit
}

// Check says why nothing new should be written, nil while there is room. A volume that does not say
// is none of its business.
func (s *Space) Check() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refresh(); !s.short {
		return nil
	}
	return fmt.Errorf("%v are free on the volume of the data directory, and commands are refused below %v (--min-free): make room",
		s.free>>20<<20, s.bound>>20<<20)
}

// Free is how much is free, Floor below how much commands are refused.
func (s *Space) Free() float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refresh()
	return float64(s.free)
}

// Floor is below how much commands are refused.
func (s *Space) Floor() float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refresh()
	return float64(s.bound)
}
