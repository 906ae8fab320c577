package backups

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"passbook/shared/opslog"
	"passbook/shared/table"
	"passbook/shared/telemetry"
)

// JobName is the name of the job that makes backups, also in the operators' log.
const JobName = "backup"

// Age reports how old the newest backup of a bank is. A bank of which none was made with its own
// command has no such metric: its operator may have another way.
type Age struct {
	registry prometheus.Registerer
	newest   atomic.Int64 // when it began, in nanoseconds of Unix; 0 for none
}

// NewAge makes the Age of a bank, from its operators' log.
func NewAge(ctx context.Context, t table.Table, r prometheus.Registerer) (*Age, error) {
	a := &Age{registry: r}
	for before := ""; ; {
		page, next, err := opslog.List(ctx, t, opslog.Page{Job: JobName, Before: before, Limit: 100})
		if err != nil {
			return a, fmt.Errorf("find the newest backup: %w", err)
		}
		for _, made := range page {
			if made.State == opslog.Done {
				a.Made(made.At)
				return a, nil
			}
		}
		if before = next; next == "" {
			return a, nil
		}
	}
}

// Made takes note of a backup that was begun at a time and is finished.
func (a *Age) Made(at time.Time) {
	if a.newest.Swap(at.UnixNano()) == 0 {
		telemetry.Gauge(a.registry, "backup_age_seconds", "How long ago the newest backup began that this bank has made.", func() float64 {
			return time.Since(time.Unix(0, a.newest.Load())).Seconds()
		})
	}
}
