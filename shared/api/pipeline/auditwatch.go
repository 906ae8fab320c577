package pipeline

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"passbook/shared/access"
	"passbook/shared/table"
	"passbook/shared/telemetry"
)

// The results of an audit, as a metric's label.
const (
	auditEqual     = "equal"
	auditDifferent = "different"
	auditFailed    = "failed"
)

// AuditWatch measures the last audit that counts: which says that all agrees, or that it does not.
type AuditWatch struct {
	table table.Table
	log   *slog.Logger

	last  lastAudit // of Run alone
	mu    sync.Mutex
	found *Audit
}

// WatchAudits makes an AuditWatch and registers its metrics. Until Run has read the operators' log
// they say that there was no audit.
func WatchAudits(t table.Table, r prometheus.Registerer, log *slog.Logger) *AuditWatch {
	w := &AuditWatch{table: t, log: log}
	telemetry.Gauge(r, "audit_last_seconds", "When the last audit that counts began, as a Unix time; 0 for none in the operators' log.", func() float64 {
		if a := w.audit(); a != nil {
			return float64(a.At.Unix())
		}
		return 0
	})
	for _, result := range []string{auditEqual, auditDifferent, auditFailed} {
		telemetry.Gauge(r, "audit_last_result", "1 for the result of the last audit that counts: equal, different, or failed if it did not end.", func() float64 {
			if a := w.audit(); a != nil && resultOf(*a) == result {
				return 1
			}
			return 0
		}, "result", result)
	}
	return w
}

// resultOf returns the result of an audit that ended.
func resultOf(a Audit) string {
	switch *a.ExitCode {
	case 0:
		return auditEqual
	case exitDifference:
		return auditDifferent
	}
	return auditFailed
}

func (w *AuditWatch) audit() *Audit {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.found
}

// Run reads the operators' log every minute until ctx ends, and returns nil. While it cannot be
// read, the metrics stay as they are.
func (w *AuditWatch) Run(ctx context.Context) error {
	ticks := time.NewTicker(auditFresh)
	defer ticks.Stop()
	for {
		w.read(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-ticks.C:
		}
	}
}

func (w *AuditWatch) read(ctx context.Context) {
	limited, cancel := context.WithTimeout(ctx, auditFresh/2)
	defer cancel()
	found, err := w.last.read(limited, w.table, &access.Principal{AllTenants: true}, time.Now())
	if err != nil {
		if ctx.Err() == nil {
			w.log.Warn("the last audit is not known to the metrics; it is looked for again in a minute", "error", err)
		}
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.found = found
}
