package telemetry

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// How a lasting trouble is said: again after gapFirst, then after twice as long each time, up to
// gapMost. One that was silent for longer than twice its gap begins anew; more than maxTroubles at
// once are not told apart for long.
const (
	gapFirst    = time.Second
	gapMost     = 5 * time.Minute
	maxTroubles = 1024
)

// gaps says a warning or an error that comes again and again with growing gaps, and each time how
// often it was left out. Lines are the same trouble if they agree in all but the error and the
// numbers. Nothing below a warning is touched.
type gaps struct {
	slog.Handler
	context  string // attributes and groups of the logger
	troubles *troubles
}

type troubles struct {
	mu  sync.Mutex
	all map[string]*said
	now func() time.Time
}

// said is what was said of a trouble.
type said struct {
	last    time.Time // the line before, said or not
	next    time.Time // before it nothing is said
	gap     time.Duration
	omitted int64
}

func newGaps(h slog.Handler) gaps {
	return gaps{Handler: h, troubles: &troubles{all: map[string]*said{}, now: time.Now}}
}

// Handle hands the line on, or counts it.
func (g gaps) Handle(ctx context.Context, r slog.Record) error {
	if r.Level < slog.LevelWarn {
		return g.Handler.Handle(ctx, r)
	}
	var key strings.Builder
	key.WriteString(g.context + "\x00" + r.Message)
	r.Attrs(func(a slog.Attr) bool {
		key.WriteString(sameness(a))
		return true
	})
	omitted, say := g.troubles.say(key.String())
	if !say {
		return nil
	}
	if omitted > 0 {
		r.AddAttrs(slog.Int64("omitted", omitted))
	}
	return g.Handler.Handle(ctx, r)
}

// sameness is the part of an attribute that tells one trouble from another: its text, if it is one.
func sameness(a slog.Attr) string {
	if a.Key == "error" || a.Key == "cause" || a.Value.Kind() != slog.KindString {
		return "\x00" + a.Key
	}
	return "\x00" + a.Key + "=" + a.Value.String()
}

// say decides, and gives how often the trouble was left out since it was said.
func (t *troubles) say(key string) (omitted int64, say bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	s := t.all[key]
	if s == nil || now.Sub(s.last) > 2*s.gap {
		if len(t.all) >= maxTroubles {
			clear(t.all)
		}
		if s != nil {
			omitted = s.omitted
		}
		t.all[key] = &said{last: now, next: now.Add(gapFirst), gap: gapFirst}
		return omitted, true
	}
	s.last = now
	if now.Before(s.next) {
		s.omitted++
		return 0, false
	}
	s.gap = min(2*s.gap, gapMost)
	s.next = now.Add(s.gap)
	omitted, s.omitted = s.omitted, 0
	return omitted, true
}

// WithAttrs keeps the gaps on derived loggers.
func (g gaps) WithAttrs(attrs []slog.Attr) slog.Handler {
	key := g.context
	for _, a := range attrs {
		key += sameness(a)
	}
	return gaps{g.Handler.WithAttrs(attrs), key, g.troubles}
}

// WithGroup keeps the gaps on derived loggers.
func (g gaps) WithGroup(name string) slog.Handler {
	return gaps{g.Handler.WithGroup(name), g.context + "\x00" + name, g.troubles}
}
