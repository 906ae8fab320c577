package publisher

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/event"

	"passbook/shared/journal"
)

func (p *Publisher) waitingOf(a event.Account) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if q := p.accounts[a]; q != nil {
		return len(q.entries)
	}
	return 0
}

// Nobody waits for a stream that is out of reach longer than a second, and nobody at all while
// little waits.
func TestPaceWaitsAtMostASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(Config{})
		a := accountNamed(1)
		for n, want := range map[int]time.Duration{paceFrom - 1: 0, paceFrom: paceFrom * paceEach, 500: 500 * paceEach, 5000: paceMost} {
			for p.waitingOf(a) < n {
				p.Publish(journal.Committed{Account: a})
			}
			started := time.Now()
			p.Pace(t.Context(), a)
			if took := time.Since(started); took != want {
				t.Errorf("%d wait: delayed for %v, want %v", n, took, want)
			}
			p = New(Config{})
		}
		for kilobytes, want := range map[int]time.Duration{511: 0, 512: 512 * time.Millisecond, 900: 900 * time.Millisecond, 9000: paceMost} {
			p.Publish(journal.Committed{Account: a, Record: make([]byte, kilobytes<<10)})
			started := time.Now()
			p.Pace(t.Context(), a)
			if took := time.Since(started); took != want {
				t.Errorf("%d KB wait: delayed for %v, want %v", kilobytes, took, want)
			}
			p = New(Config{})
		}
		for range 500 {
			p.Publish(journal.Committed{Account: a})
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		started := time.Now()
		p.Pace(ctx, a)
		if took := time.Since(started); took != 0 {
			t.Errorf("delayed for %v by one who gave up", took)
		}
	})
}

// A command that waits continues as soon as the stream has taken enough.
func TestPaceEndsWhenTheStreamHasTakenEnough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &moody{}
		m.say(nil)
		p := New(Config{Streams: m})
		for range 500 {
			p.Publish(journal.Committed{Account: accountNamed(1), Record: make([]byte, 10<<10)})
		}
		ctx, cancel := context.WithCancel(t.Context())
		started, done := time.Now(), make(chan error, 1)
		paced := make(chan time.Duration, 1)
		go func() { p.Pace(ctx, accountNamed(1)); paced <- time.Since(started) }()
		synctest.Wait() // it waits
		go func() { done <- p.Run(ctx) }()
		if took := <-paced; took != 0 {
			t.Errorf("delayed for %v by a stream that takes everything at once", took)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
