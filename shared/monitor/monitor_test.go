package monitor

import (
	"context"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"pgregory.net/rapid"

	"passbook/shared/telemetry"
)

// bank is a process with some of its metrics.
type bank struct {
	registry *prometheus.Registry
	requests *prometheus.HistogramVec
	entries  *prometheus.CounterVec
	failures *prometheus.CounterVec
	err      error
}

func newBank() *bank {
	b := &bank{registry: prometheus.NewRegistry()}
	b.requests = telemetry.Latency(b.registry, "http_request_duration_seconds", "Requests.", "route", "method", "status")
	counter := func(name string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: telemetry.Namespace, Name: name, Help: name}, labels)
		b.registry.MustRegister(c)
		return c
	}
	b.entries = counter("consumer_entries_total", "consumer", "result")
	b.failures = counter("consumer_failures_total", "consumer", "step")
	return b
}

func (b *bank) process() Process {
	return Process{Name: "bank", Instance: "one", Gather: func(context.Context) ([]*dto.MetricFamily, error) {
		if b.err != nil {
			return nil, b.err
		}
		return b.registry.Gather()
	}}
}

// clock is a clock that stands until it is moved.
type clock struct{ now time.Time }

func watch(b **bank) (*Monitor, *clock) {
	c := &clock{time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC)}
	return New(Config{
		ServiceOf: func(_, method, route string) (string, bool) {
			if method == "POST" {
				return "withdraw", true
			}
			return Queries, false
		},
		Processes: func(context.Context) ([]Process, error) { return []Process{(*b).process()}, nil },
		Now:       func() time.Time { return c.now },
	}), c
}

func TestRatesAreThoseOfTheLastTenSeconds(t *testing.T) {
	b := newBank()
	m, c := watch(&b)
	b.requests.WithLabelValues("/withdraw", "POST", "201").Observe(.004) // before the monitor: not of the window
	m.Sample(t.Context())
	if _, known := m.Rate(Figure{Requests, "withdraw"}); known {
		t.Error("one sample makes no rate")
	}
	for range 5 {
		for range 20 {
			b.requests.WithLabelValues("/withdraw", "POST", "201").Observe(.004)
		}
		b.requests.WithLabelValues("/withdraw", "POST", "422").Observe(.004)
		b.requests.WithLabelValues("/withdraw", "POST", "503").Observe(.004)
		c.now = c.now.Add(Every)
		m.Sample(t.Context())
	}
	for of, want := range map[Figure]float64{{Requests, "withdraw"}: 11, {Answers, Accepted}: 10, {Answers, Declined}: .5, {Answers, Refused}: .5, {Requests, Queries}: 0} {
		if rate, known := m.Rate(of); !known || math.Abs(rate-want) > 1e-9 {
			t.Errorf("%v: %v %v, not %v", of, rate, known, want)
		}
	}
	if p99, known := m.Quantile(Figure{Latency, "withdraw"}, .99); !known || p99 <= .002 || p99 > .005 {
		t.Errorf("p99 %v %v", p99, known)
	}
	if f, failed := m.Failure(Figure{Errors, "withdraw"}); !failed || f.What != "answer 503, 1 times" {
		t.Errorf("%+v %v", f, failed)
	}
	for range 5 {
		c.now = c.now.Add(Every)
		m.Sample(t.Context())
	}
	if rate, _ := m.Rate(Figure{Requests, "withdraw"}); rate != 0 {
		t.Errorf("%v after ten quiet seconds", rate)
	}
}

func TestACounterThatBeginsAgainIsNoFall(t *testing.T) {
	b := newBank()
	m, c := watch(&b)
	b.entries.WithLabelValues("balance@1", "applied").Add(1000)
	m.Sample(t.Context())
	b = newBank() // the process was started again
	b.entries.WithLabelValues("balance@1", "applied").Add(30)
	c.now = c.now.Add(Every)
	m.Sample(t.Context())
	if rate, known := m.Rate(Figure{Applied, "balance@1"}); !known || rate != 15 {
		t.Errorf("%v %v", rate, known)
	}
}

func TestWhatCannotBeReadIsUnknown(t *testing.T) {
	b := newBank()
	m, c := watch(&b)
	m.Sample(t.Context())
	b.err = errors.New("connection refused")
	c.now = c.now.Add(Every)
	m.Sample(t.Context())
	list, err := m.Processes()
	if err != nil || len(list) != 1 || list[0].Up || list[0].Error == "" || !list[0].Seen.Equal(c.now.Add(-Every)) {
		t.Errorf("%+v %v", list, err)
	}
	if _, known := m.Gauge(Figure{Resident, ""}); known {
		t.Error("a process that is down has no memory")
	}
	for _, bin := range m.History(Figure{Requests, "withdraw"}) {
		if bin != nil {
			t.Error("a bin in which nothing was read has a number")
		}
	}
}

// A ring's history is that of a list of all increments.
func TestHistoryIsThatOfTheWindow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var r ring
		sums := map[int64]float64{}
		bin := int64(1000)
		for range rapid.IntRange(0, 200).Draw(t, "increments") {
			bin += rapid.Int64Range(0, 3).Draw(t, "later")
			by := float64(rapid.IntRange(0, 9).Draw(t, "by"))
			r.add(bin, by)
			sums[bin] += by
		}
		for i, got := range r.history(bin) {
			want, is := sums[bin-Bins+int64(i)]
			// the present bin takes the place of the oldest one
			if i == 0 && got == nil {
				continue
			}
			if is != (got != nil) || is && *got != want {
				t.Fatalf("bin %d: %v, not %v %v", i, got, want, is)
			}
		}
	})
}
