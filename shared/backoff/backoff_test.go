package backoff

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestPausesDoubleUpToTheMost(t *testing.T) {
	b := Backoff{First: 10 * time.Millisecond, Most: time.Second}
	bound := b.First
	for i := range 100 {
		if got := b.Next(); got < bound/2 || got > bound {
			t.Fatalf("pause %d is %v, want %v to %v", i, got, bound/2, bound)
		}
		bound = min(2*bound, b.Most)
	}
	b.Reset()
	if got := b.Next(); got > b.First {
		t.Errorf("after a reset %v", got)
	}
}

func TestPausesDiffer(t *testing.T) {
	seen := map[time.Duration]bool{}
	for range 100 {
		seen[Of(time.Second, time.Second, 3)] = true
	}
	if len(seen) < 50 {
		t.Errorf("%d different pauses of 100", len(seen))
	}
}

func TestPauseEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := Backoff{First: time.Hour, Most: time.Hour}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		if err := b.Pause(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}
