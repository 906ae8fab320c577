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
	// slowRequest is what makes a request worth a line whatever the load.
	slowRequest = time.Second
	// severePerSecond bounds the failed and slow ones too.
	severePerSecond = 1000
)

// accessLog writes a line a request while there are few, and a sample with a count of what was left
// out while there are many. Failures and slow requests have a budget of their own. Safe for
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

// budget counts lines within the second that it is in. Two requests that meet at the turn of a
// second may both start it anew; a line more or less does no harm.
type budget struct{ second, spent, omitted atomic.Int64 }

// spend says whether there is a line left in this second, and how many lines were left out since
// the last that was not.
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
