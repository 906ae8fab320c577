package web

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"
)

// The access log's budget: under load a line a request would cost more than the request.
const (
	// linesPerSecond is the most ordinary requests that are logged in one second.
	linesPerSecond = 100
	// slowRequest is how long a request takes that is logged under any load.
	slowRequest = time.Second
	// severePerSecond bounds the failed and slow ones too.
	severePerSecond = 1000
)

// accessLog writes a line for each request while there are few, and a sample with the number of
// lines omitted while there are many. Failures and slow requests have a separate budget. Safe for
// concurrent use.
type accessLog struct {
	out              *slog.Logger
	ordinary, severe budget
}

// request logs one request.
func (l *accessLog) request(ctx context.Context, r line) {
	level, budget, most := slog.LevelInfo, &l.ordinary, int64(linesPerSecond)
	switch {
	case r.status >= 500 && r.cause != nil:
		level, budget, most = slog.LevelWarn, &l.severe, severePerSecond
	case r.took >= slowRequest:
		budget, most = &l.severe, severePerSecond
	}
	if !l.out.Enabled(ctx, level) {
		return
	}
	omitted, ok := budget.spend(time.Now().Unix(), most)
	if !ok {
		return
	}
	attrs := r.attrs()
	if omitted > 0 {
		attrs = append(attrs, slog.Int64("omitted", omitted))
	}
	l.out.LogAttrs(ctx, level, "request", attrs...)
}

// budget counts the lines of the current second. Two requests at the turn of a second may both
// reset it; a line more or less does no harm.
type budget struct{ second, spent, omitted atomic.Int64 }

// spend takes one line of this second's budget. It reports whether there was one, and returns how
// many lines were omitted since the last one that was written.
func (b *budget) spend(second, most int64) (omitted int64, ok bool) {
	if b.second.Swap(second) != second {
		b.spent.Store(0)
	}
	if b.spent.Add(1) > most {
		b.omitted.Add(1)
		return 0, false
	}
	return b.omitted.Swap(0), true
}
