package sim

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// The errors that callers see. None says whether the call was carried out.
var (
	errUnanswered = errors.New("sim: no answer")
	errOff        = errors.New("sim: the process is off")
)

// fate is what becomes of a call.
type fate int

const (
	answered fate = iota
	refused       // for load; nothing is done
	failed        // nothing is done, and nobody says so
	lost          // it is done, and the answer is lost
	late          // of a write: it is done after its caller gave it up
)

func (f fate) String() string {
	return [...]string{"ok", "throttled", "not done", "answer lost", "late"}[f]
}

// call is a call of a port by a process.
type call struct {
	process *process
	part    string
	what    string
	draw    *rand.Rand
	fate    fate
}

// part is a part of a process that makes calls. Two parts may make the same call at one moment, and
// then each draws for itself.
type part struct {
	*process
	name string
}

// begin waits for as long as a call is on its way to the store, and draws its fate.
func (p part) begin(ctx context.Context, what string) (*call, error) {
	c := &call{process: p.process, part: p.name, what: what, draw: p.run.dice.of(p.name + " " + what)}
	if err := p.travel(ctx, c.delay()); err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	c.fate = p.run.faults.fate(c.draw)
	return c, nil
}

// delay draws how long one way takes: mostly about a millisecond, sometimes longer than a caller
// waits.
func (c *call) delay() time.Duration {
	weather := c.process.run.faults.now()
	switch n := c.draw.IntN(1000); {
	case n < weather.stuck:
		return between(c.draw, time.Second, 4*time.Second)
	case n < weather.slow:
		return between(c.draw, 10*time.Millisecond, 300*time.Millisecond)
	}
	return between(c.draw, 100*time.Microsecond, 3*time.Millisecond)
}

// travel waits for d, or until ctx ends. A process that does not advance notices neither: what it
// was about to send it sends late.
func (p *process) travel(ctx context.Context, d time.Duration) error {
	p.freeze()
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	p.freeze()
	if p.off.Load() {
		return errOff
	}
	return nil
}

// freeze waits while the process does not advance.
func (p *process) freeze() {
	for !p.off.Load() {
		left := time.Until(time.Unix(0, p.frozen.Load()))
		if left <= 0 {
			return
		}
		pause(left + between(p.run.dice.of(p.name+" thaws"), time.Nanosecond, 5*time.Millisecond))
	}
}

// do carries the call out, unless it fails before, and waits for the answer.
func (c *call) do(ctx context.Context, throttled error, carryOut func(context.Context) (string, error)) error {
	outcome, err := "", error(nil)
	switch c.fate {
	case refused:
		err = throttled
	case failed, late:
		err = errUnanswered
	default:
		// a store does not notice that its caller has given up
		outcome, err = carryOut(context.WithoutCancel(ctx))
		pause(between(c.draw, time.Nanosecond, 50*time.Microsecond)) // those of one commit are answered one by one
	}
	if c.fate != answered {
		outcome = c.fate.String() + " " + outcome
	}
	if err != nil {
		outcome += " " + err.Error()
	}
	c.process.run.trace.note(c.part, c.what, outcome)
	if c.fate == lost {
		err = errUnanswered
	}
	if late := c.process.travel(ctx, c.delay()); late != nil {
		return fmt.Errorf("%s: %w", c.what, late)
	}
	if err != nil && c.fate != answered {
		return fmt.Errorf("%s: %w", c.what, err)
	}
	return err
}

// torn draws what becomes of one item of a batch.
func (c *call) torn() fate {
	if c.draw.IntN(1000) < c.process.run.faults.now().torn {
		return []fate{refused, failed, lost}[c.draw.IntN(3)]
	}
	return answered
}

// write carries out a write, or has it arrive when its caller does not wait for it any more.
func (c *call) write(ctx context.Context, throttled error, carryOut func(context.Context) error) error {
	if c.fate == answered && c.draw.IntN(1000) < c.process.run.faults.now().late {
		c.fate = late
		c.delayed(c.what, carryOut)
	}
	return c.do(ctx, throttled, func(ctx context.Context) (string, error) { return "", carryOut(ctx) })
}

// delayed carries out a write after at least a second, unless the power was cut.
func (c *call) delayed(what string, carryOut func(context.Context) error) {
	p, after := c.process, between(c.draw, time.Second, 25*time.Second)
	p.run.late.Go(func() {
		pause(after)
		if p.run.has(p.disk) {
			p.run.trace.note(c.part, what, fmt.Sprint("arrives late ", carryOut(context.Background())))
		}
	})
}
