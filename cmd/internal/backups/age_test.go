package backups

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"passbook/shared/control"
	"passbook/shared/opslog"
	"passbook/shared/storetest"
	"passbook/shared/stream/pebblestream"
)

// ageOf returns the metric, and whether there is one.
func ageOf(t *testing.T, r *prometheus.Registry) (time.Duration, bool) {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "passbook_backup_age_seconds" {
			return time.Duration(f.GetMetric()[0].GetGauge().GetValue() * float64(time.Second)).Round(time.Minute), true
		}
	}
	return 0, false
}

// The age is that of the newest backup that ended well, also after a restart; a bank that has made
// none reports none.
func TestTheAgeOfTheNewestBackup(t *testing.T) {
	tbl := storetest.Memory(t, pebblestream.Options{}, control.Schema).Table
	began := time.Now()
	logged := func(job, state string, ago time.Duration) {
		t.Helper()
		a, err := opslog.Begin(t.Context(), tbl, opslog.Action{Job: job, At: began.Add(-ago)})
		if err == nil && state != opslog.Begun {
			err = a.End(t.Context(), tbl, opslog.Outcome{State: state})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	logged("audit", opslog.Done, 3*time.Hour)
	logged(JobName, opslog.Failed, 2*time.Hour)
	r := prometheus.NewRegistry()
	a, err := NewAge(t.Context(), tbl, r)
	if err != nil {
		t.Fatal(err)
	}
	if age, ok := ageOf(t, r); ok {
		t.Errorf("a bank without a backup has one, %v old", age)
	}
	a.Made(began.Add(-90 * time.Minute))
	a.Made(began.Add(-50 * time.Minute))
	if age, _ := ageOf(t, r); age != 50*time.Minute {
		t.Errorf("after two backups: %v", age)
	}
	logged(JobName, opslog.Done, 90*time.Minute)
	logged(JobName, opslog.Done, 50*time.Minute)
	logged(JobName, opslog.Failed, 10*time.Minute)
	logged(JobName, opslog.Begun, time.Minute)
	r = prometheus.NewRegistry()
	if _, err := NewAge(t.Context(), tbl, r); err != nil {
		t.Fatal(err)
	}
	if age, _ := ageOf(t, r); age != 50*time.Minute {
		t.Errorf("after a restart: %v", age)
	}
}
