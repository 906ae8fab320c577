package accesslog

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"
)

// The log's budget: under load a line a request would cost more than the request.
const (
	// linesPerSecond is the most ordinary requests that are logged in one second.
	linesPerSecond = 100
	// slowRequest is how long a request takes that is logged under any load.
	slowRequest = time.Second
	// severePerSecond bounds the failed and slow ones too.
	severePerSecond = 1000
)

// Log logs requests. It is safe for concurrent use.
type Log struct {
	out              *slog.Logger
	ordinary, severe budget
}

// New returns a Log that writes to out.
func New(out *slog.Logger) *Log { return &Log{out: out} }

// Line is a request that was answered.
type Line struct {
	// Method and Route are as the contract has them: no path that was asked for.
	Method, Route string
	Status        int
	Bytes         int64
	Took          time.Duration
	// Code is that of the problem that was answered, empty for none.
	Code string
	// Cause is the error behind a server error, which the answer does not reveal.
	Cause error
}

// Request logs one request. The line has the ids that its context has.
func (l *Log) Request(ctx context.Context, r Line) {
	level, budget, most := slog.LevelInfo, &l.ordinary, int64(linesPerSecond)
	switch {
	case r.Status >= 500 && r.Cause != nil:
		level, budget, most = slog.LevelWarn, &l.severe, severePerSecond
	case r.Took >= slowRequest:
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

func (r Line) attrs() []slog.Attr {
	attrs := []slog.Attr{
		slog.String("method", r.Method), slog.String("route", r.Route), slog.Int("status", r.Status),
		slog.Int64("bytes", r.Bytes), slog.Float64("ms", float64(r.Took.Microseconds())/1000),
	}
	if r.Code != "" {
		attrs = append(attrs, slog.String("code", r.Code))
	}
	if r.Cause != nil {
		attrs = append(attrs, slog.Any("error", r.Cause))
	}
	return attrs
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
