package api

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"passbook/shared/telemetry"
	"passbook/shared/web"
)

// The codes of commands that no problem refused.
const (
	codeAccepted = "accepted"
	codeDryRun   = "dry-run"
)

// opUnknown is the operation of a line of bulk whose op is no operation's.
const opUnknown = "unknown"

// commandMetrics counts the commands of a process, by operation and code, and how long they take,
// by operation alone: a histogram for each code would be thousands of series.
type commandMetrics struct {
	total   *prometheus.CounterVec
	seconds *prometheus.HistogramVec
}

// newCommandMetrics makes the metrics and registers them.
func newCommandMetrics(r prometheus.Registerer) commandMetrics {
	m := commandMetrics{total: prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: telemetry.Namespace, Name: "commands_total",
		Help: "Commands that reached their operation, lines of bulk among them, by operation and code: " + codeAccepted + ", " + codeDryRun + ", or the code of the problem that declined or refused them.",
	}, []string{"operation", "code"})}
	m.seconds = telemetry.Latency(r, "command_duration_seconds", "Time from a command's header, or the turn of its line of bulk, to its outcome, by operation.", "operation")
	r.MustRegister(m.total)
	return m
}

// commandCounts counts the commands of one operation.
type commandCounts struct {
	accepted prometheus.Counter
	others   *prometheus.CounterVec
	seconds  prometheus.Observer
}

// of returns the counts of an operation. The codes of what the bank itself does wrong are there
// from the start: a series that begins with its first count shows no increase. Those of its rules
// begin when they are first given, since most operations never give most of them.
func (m commandMetrics) of(op string) *commandCounts {
	c := &commandCounts{others: m.total.MustCurryWith(prometheus.Labels{"operation": op}), seconds: m.seconds.WithLabelValues(op)}
	c.accepted = c.others.WithLabelValues(codeAccepted)
	for _, f := range failures {
		if f.problem.Status >= 500 {
			c.others.WithLabelValues(f.problem.Code)
		}
	}
	c.others.WithLabelValues(web.InternalError.Code)
	return c
}

// count counts a command that took so long and ended with a code, empty for one that was accepted,
// or with an error. A dry run has one code however it ended, and no duration: it would hide how
// long commands take.
func (c *commandCounts) count(took time.Duration, code string, err error) {
	if code == codeDryRun {
		c.others.WithLabelValues(code).Inc()
		return
	}
	c.seconds.Observe(took.Seconds())
	if err != nil {
		code = problemOf(err).Code
	}
	if code == "" {
		c.accepted.Inc()
		return
	}
	c.others.WithLabelValues(code).Inc()
}

// code returns the code of how a line ended, for count.
func (b *bulkRequest) code(did commandResult) string {
	switch {
	case b.dry != nil:
		return codeDryRun
	case did.answer == nil && did.err == nil:
		if problem := declined(did.receipt); problem != nil {
			return problem.Code
		}
	}
	return did.code()
}

// countsOf returns the counts of an op of a line.
func (b *bulkRequest) countsOf(op string) *commandCounts {
	if of := b.operations[op]; len(of) > 0 {
		return of[0].counts
	}
	return b.unknown
}
