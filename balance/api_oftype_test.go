package balance

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/event"
)

// slowEvents answers each event after a millisecond, and fails at one version.
type slowEvents struct {
	failing           int64
	running, together atomic.Int64
}

var errSlow = errors.New("no answer")

func (s *slowEvents) Event(ctx context.Context, _ event.Account, version int64) (event.Event, *event.Entry, error) {
	defer s.running.Add(-1)
	for now := s.running.Add(1); ; {
		if most := s.together.Load(); now <= most || s.together.CompareAndSwap(most, now) {
			break
		}
	}
	select {
	case <-ctx.Done():
		return event.Event{}, nil, ctx.Err()
	case <-time.After(time.Millisecond):
	}
	if version == s.failing {
		return event.Event{}, nil, errSlow
	}
	return event.Event{Version: version}, &event.Entry{First: version}, nil
}

// Events far from each other are read a few at once, and answered in their order.
func TestEventsAtVersionsAreReadTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		versions := make([]int64, 100)
		for i := range versions {
			versions[i] = int64(i+1) * 1000
		}
		began, slow := time.Now(), &slowEvents{}
		page, err := eventsAt(t.Context(), slow, of("A-1"), versions)
		if err != nil || len(page) != len(versions) {
			t.Fatalf("%d events: %v", len(page), err)
		}
		for i, e := range page {
			if e.Version != versions[i] || e.Entry.First != versions[i] {
				t.Errorf("%d is of v%d and an entry at v%d", i, e.Version, e.Entry.First)
			}
		}
		rounds := time.Duration((len(versions) + readParallel - 1) / readParallel)
		if took := time.Since(began); took != rounds*time.Millisecond {
			t.Errorf("it took %v, not %v", took, rounds*time.Millisecond)
		}
		if n := slow.together.Load(); n != readParallel {
			t.Errorf("%d were read at once, not %d", n, readParallel)
		}
		if _, err := eventsAt(t.Context(), &slowEvents{failing: 50_000}, of("A-1"), versions); !errors.Is(err, errSlow) {
			t.Errorf("%v, not %v", err, errSlow)
		}
	})
}
