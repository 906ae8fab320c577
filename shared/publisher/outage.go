package publisher

import (
	"errors"
	"fmt"
	"time"

	"passbook/shared/stream"
)

const (
	// outageLoggedAfter is how long the stream takes nothing before it is logged: anything shorter
	// looks like throttling or a fail-over.
	outageLoggedAfter = 5 * time.Second
	// outageLoggedEvery is how often it is logged again.
	outageLoggedEvery = time.Minute
)

// outage is a time in which the stream took no record at all: since when, why, and when it was last
// logged. The zero outage is none.
type outage struct {
	since, logged time.Time
	err           error
}

// final reports whether no repetition helps until a person has done something.
func (o outage) final() bool {
	return errors.Is(o.err, stream.ErrRefused) || errors.Is(o.err, stream.ErrNotFound)
}

// duration returns how long the outage lasts, in whole seconds.
func (o outage) duration() time.Duration { return time.Since(o.since).Round(time.Second) }

// Full reports whether so many entries wait for the stream that no further command should be
// accepted.
func (p *Publisher) Full() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.full()
}

func (p *Publisher) full() bool {
	return p.waiting >= maxWaiting || int64(p.bytes) >= p.config.WaitingBytes
}

// Ready returns why commands should be sent to another process, nil when they need not be: too many
// entries wait for the stream, or the stream refuses this process. While the stream only fails,
// what is committed waits, and commands may come. It makes no call.
func (p *Publisher) Ready() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	o := p.outage
	switch {
	case o.final():
		return fmt.Errorf("stream %s has taken no record for %v: %w", p.config.Stream, o.duration(), o.err)
	case p.full() && o.err != nil:
		return fmt.Errorf("%d entries wait for stream %s, which has taken no record for %v: %w", p.waiting, p.config.Stream, o.duration(), o.err)
	case p.full():
		return fmt.Errorf("%d entries wait for stream %s", p.waiting, p.config.Stream)
	}
	return nil
}

// inOutage reports whether the stream took nothing of the last put.
func (p *Publisher) inOutage() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.outage.err != nil
}

// note remembers how a put ended: nil where the stream took any of it, else why it did not. The
// caller has the lock.
func (p *Publisher) note(err error) {
	o := &p.outage
	if err == nil {
		if !o.logged.IsZero() {
			p.config.Log.Info("the stream takes records again", "stream", p.config.Stream, "after", o.duration())
		}
		*o = outage{}
		return
	}
	if o.since.IsZero() {
		o.since = time.Now()
	}
	o.err = err
	if (o.final() || time.Since(o.since) >= outageLoggedAfter) && time.Since(o.logged) >= outageLoggedEvery {
		o.logged = time.Now()
		p.config.Log.Warn("the stream takes no records; committed entries wait and are sent again",
			"stream", p.config.Stream, "for", o.duration(), "waiting", p.waiting, "error", err)
	}
}
