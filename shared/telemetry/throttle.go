package telemetry

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// How often a lasting condition is logged: again after firstPause, then after twice as long each
// time, up to maxPause. A condition that was absent for longer than twice its pause starts again
// from the first. When there are more than maxConditions, all of them are forgotten.
const (
	firstPause    = time.Second
	maxPause      = 5 * time.Minute
	maxConditions = 1024
)

// throttle logs a warning or an error that is repeated at growing intervals, each time with the
// number of lines omitted. Lines are of the same condition if they agree in all but the error and
// the numbers. Lines below a warning are not throttled.
type throttle struct {
	slog.Handler
	context    string // attributes and groups of the logger
	conditions *conditions
}

type conditions struct {
	mu  sync.Mutex
	all map[string]*repetition
	now func() time.Time
}

// repetition is what was logged of a condition.
type repetition struct {
	last    time.Time // of the newest line, logged or omitted
	next    time.Time // when a line is logged again
	pause   time.Duration
	omitted int64
}

func newThrottle(h slog.Handler) throttle {
	return throttle{Handler: h, conditions: &conditions{all: map[string]*repetition{}, now: time.Now}}
}

// Handle passes the line to the handler, or counts it as omitted.
func (t throttle) Handle(ctx context.Context, r slog.Record) error {
	if r.Level < slog.LevelWarn {
		return t.Handler.Handle(ctx, r)
	}
	var key strings.Builder
	key.WriteString(t.context + "\x00" + r.Message)
	r.Attrs(func(a slog.Attr) bool {
		key.WriteString(identity(a))
		return true
	})
	omitted, log := t.conditions.log(key.String())
	if !log {
		return nil
	}
	if omitted > 0 {
		r.AddAttrs(slog.Int64("omitted", omitted))
	}
	return t.Handler.Handle(ctx, r)
}

// identity returns the part of an attribute that distinguishes conditions: its name, and its value
// if that is a string other than the error.
func identity(a slog.Attr) string {
	if a.Key == "error" || a.Key == "cause" || a.Value.Kind() != slog.KindString {
		return "\x00" + a.Key
	}
	return "\x00" + a.Key + "=" + a.Value.String()
}

// log reports whether a line of a condition is logged, and returns how many were omitted since the
// last one that was.
func (c *conditions) log(key string) (omitted int64, log bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	r := c.all[key]
	if r == nil || now.Sub(r.last) > 2*r.pause {
		if len(c.all) >= maxConditions {
			clear(c.all)
		}
		if r != nil {
			omitted = r.omitted
		}
		c.all[key] = &repetition{last: now, next: now.Add(firstPause), pause: firstPause}
		return omitted, true
	}
	r.last = now
	if now.Before(r.next) {
		r.omitted++
		return 0, false
	}
	r.pause = min(2*r.pause, maxPause)
	r.next = now.Add(r.pause)
	omitted, r.omitted = r.omitted, 0
	return omitted, true
}

// WithAttrs returns a handler that throttles too.
func (t throttle) WithAttrs(attrs []slog.Attr) slog.Handler {
	key := t.context
	for _, a := range attrs {
		key += identity(a)
	}
	return throttle{t.Handler.WithAttrs(attrs), key, t.conditions}
}

// WithGroup returns a handler that throttles too.
func (t throttle) WithGroup(name string) slog.Handler {
	return throttle{t.Handler.WithGroup(name), t.context + "\x00" + name, t.conditions}
}
