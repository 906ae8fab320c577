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

// pausedFor returns for how long Pace has the account's commands wait.
func pausedFor(p *Publisher, a event.Account) time.Duration {
	started, again := time.Now(), make(chan struct{})
	if !p.Pace(a, func() { close(again) }) {
		return 0
	}
	<-again
	return time.Since(started)
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
			for range 2 { // in an outage the same again
				if took := pausedFor(p, a); took != want {
					t.Errorf("%d wait: delayed for %v, want %v", n, took, want)
				}
			}
			p = New(Config{})
		}
		for kilobytes, want := range map[int]time.Duration{511: 0, 512: 512 * time.Millisecond, 900: 900 * time.Millisecond, 9000: paceMost} {
			p.Publish(journal.Committed{Account: a, Record: make([]byte, kilobytes<<10)})
			if took := pausedFor(p, a); took != want {
				t.Errorf("%d KB wait: delayed for %v, want %v", kilobytes, took, want)
			}
			p = New(Config{})
		}
	})
}

// A command that waits continues as soon as the stream has taken enough, and only once: the pause
// is over by then.
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
		paced := make(chan time.Duration, 2)
		if !p.Pace(accountNamed(1), func() { paced <- time.Since(started) }) {
			t.Fatal("not delayed")
		}
		go func() { done <- p.Run(ctx) }()
		if took := <-paced; took != 0 {
			t.Errorf("delayed for %v by a stream that takes everything at once", took)
		}
		time.Sleep(2 * paceMost)
		if len(paced) > 0 {
			t.Error("called twice")
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
