package platform

import (
	"fmt"
	"sync"
	"syscall"
	"time"
)

// A volume keeps floorLeast bytes free, or 1/floorPart of its size if that is more, but at most
// 1/floorMost. Compaction and the archive need free space even when no command is accepted.
const (
	floorLeast = 256 << 20
	floorPart  = 50
	floorMost  = 10
	// lookEvery is how old an answer of Check may be.
	lookEvery = 100 * time.Millisecond
)

// Space watches the free space on the volume of a data directory. It may be used concurrently.
type Space struct {
	// look returns how much is free, and the size of the volume; now is the clock.
	look func() (free, total Bytes, err error)
	now  func() time.Time
	// floor is the setting; 0 derives it from the size of the volume.
	floor Bytes

	mu     sync.Mutex
	at     time.Time
	free   Bytes
	bound  Bytes
	short  bool
	failed error
}

// newSpace returns a Space of the volume of a directory.
func newSpace(dir string, floor Bytes) *Space {
	return &Space{floor: floor, now: time.Now, look: func() (free, total Bytes, err error) {
		var s syscall.Statfs_t
		if err := syscall.Statfs(dir, &s); err != nil {
			return 0, 0, fmt.Errorf("measure the free space on the volume of %s: %w", dir, err)
		}
		return Bytes(s.Bavail) * Bytes(s.Bsize), Bytes(s.Blocks) * Bytes(s.Bsize), nil //nolint:gosec,unconvert // types differ by system
	}}
}

// refresh measures, at most once each lookEvery. The caller holds the lock.
func (s *Space) refresh() {
	now := s.now()
	if !s.at.IsZero() && now.Sub(s.at) < lookEvery && now.Sub(s.at) >= 0 {
		return
	}
	s.at = now
	free, total, err := s.look()
	if s.failed = err; err != nil {
		return // keep what was measured before
	}
	s.free, s.bound = free, s.floor
	if s.bound == 0 {
		s.bound = min(max(floorLeast, total/floorPart), total/floorMost)
	}
	// A shortage ends a tenth above the floor, so that a compacted file does not switch it on and
	// off.
	limit := s.bound
	if s.short {
		limit += s.bound / 10
	}
	s.short = free < limit
}

// Check returns an error if commands must be refused for lack of free space. A volume that cannot
// be measured is not short.
func (s *Space) Check() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refresh(); !s.short {
		return nil
	}
	return fmt.Errorf("%v are free on the volume of the data directory and commands are refused below %v (--min-free): free some space",
		s.free>>20<<20, s.bound>>20<<20)
}

// Free returns the free bytes of the volume.
func (s *Space) Free() float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refresh()
	return float64(s.free)
}

// Floor returns the free bytes below which commands are refused.
func (s *Space) Floor() float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refresh()
	return float64(s.bound)
}
