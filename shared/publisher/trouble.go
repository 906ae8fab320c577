package publisher

import (
	"errors"
	"fmt"
	"time"

	"passbook/shared/stream"
)

const (
	// troubleSaid is how long the stream takes nothing until it is said aloud: less is what
	// throttling and fail-overs look like.
	troubleSaid = 5 * time.Second
	// troubleEvery is how often it is said again.
	troubleEvery = time.Minute
)

// trouble is since when the stream took no record at all, why, and when that was last said. The
// zero trouble is none.
type trouble struct {
	since, said time.Time
	err         error
}

// final says that no repetition helps until a person did something.
func (t trouble) final() bool {
	return errors.Is(t.err, stream.ErrRefused) || errors.Is(t.err, stream.ErrNotFound)
}

// String is the trouble in words.
func (t trouble) String() string {
	return fmt.Sprintf("since %v: %v", time.Since(t.since).Round(time.Second), t.err)
}

// Full says that too much waits for the stream.
func (p *Publisher) Full() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.full()
}

func (p *Publisher) full() bool {
	return p.waiting >= maxWaiting || int64(p.bytes) >= p.config.WaitingBytes
}

// Ready says why commands should be sent to another process, nil when they need not be: too much
// waits for the stream, or the stream refuses this process. While it only fails, what is committed
// waits, and commands may go on. It makes no call.
func (p *Publisher) Ready() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.trouble.final():
		return fmt.Errorf("the stream takes nothing %v", p.trouble)
	case p.full() && p.trouble.err != nil:
		return fmt.Errorf("too much waits for the stream, which takes nothing %v", p.trouble)
	case p.full():
		return errors.New("too much waits for the stream")
	}
	return nil
}

// troubled says that the stream took nothing of the last put.
func (p *Publisher) troubled() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.trouble.err != nil
}

// note remembers how a put ended: nil where the stream took any of it, else why not. Callers hold
// the lock.
func (p *Publisher) note(err error) {
	t := &p.trouble
	if err == nil {
		if !t.said.IsZero() {
			p.config.Log.Info("the stream takes records again", "after", time.Since(t.since).Round(time.Second))
		}
		*t = trouble{}
		return
	}
	if t.since.IsZero() {
		t.since = time.Now()
	}
	t.err = err
	if (t.final() || time.Since(t.since) >= troubleSaid) && time.Since(t.said) >= troubleEvery {
		t.said = time.Now()
		p.config.Log.Warn("the stream takes nothing; what was committed waits, and is sent again",
			"stream", p.config.Stream, "since", time.Since(t.since).Round(time.Second), "waiting", p.waiting, "error", err)
	}
}
