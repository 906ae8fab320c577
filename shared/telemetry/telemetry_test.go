package telemetry

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

func TestLinesCarryTheCorrelationID(t *testing.T) {
	var out bytes.Buffer
	log, err := NewLogger(&out, LogOptions{Format: "json"})
	if err != nil {
		t.Fatal(err)
	}
	log.With("part", "edge").InfoContext(WithCorrelation(t.Context(), "c-1"), "hello")
	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatalf("%v in %q", err, out.String())
	}
	if line["correlation_id"] != "c-1" || line["part"] != "edge" || line["msg"] != "hello" {
		t.Errorf("line %v", line)
	}
}

func TestLevelsAndFormats(t *testing.T) {
	for _, bad := range []LogOptions{{Level: "loud"}, {Format: "xml"}} {
		if _, err := NewLogger(nil, bad); err == nil {
			t.Errorf("%+v: no error", bad)
		}
	}
	var out bytes.Buffer
	log, err := NewLogger(&out, LogOptions{Level: "warn"})
	if err != nil {
		t.Fatal(err)
	}
	log.Info("quiet")
	if out.Len() != 0 {
		t.Errorf("info at level warn: %q", out.String())
	}
}

func TestMetricsAreReadAtTheScrape(t *testing.T) {
	r := NewRegistry("v1")
	n := 1.0
	Counter(r, "things_total", "Things.", func() float64 { return n })
	Latency(r, "seconds", "How long.", "route").WithLabelValues("/").Observe(.003)
	n = 7
	got := map[string]float64{}
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		m := f.GetMetric()[0]
		got[f.GetName()] = m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
	}
	for name, want := range map[string]float64{"passbook_build_info": 1, "passbook_things_total": 7, "passbook_seconds": 1} {
		if got[name] != want {
			t.Errorf("%s = %v, want %v", name, got[name], want)
		}
	}
	if problems, err := testutil.GatherAndLint(r, "passbook_things_total", "passbook_seconds"); err != nil || len(problems) > 0 {
		t.Errorf("lint: %v, %v", problems, err)
	}
}

func TestAListenerThatAcceptsNothingIsAWarning(t *testing.T) {
	for text, want := range map[string]string{
		"http: Accept error: accept tcp 127.0.0.1:1: accept4: too many open files; retrying in 5ms": "WARN",
		"http: panic serving 127.0.0.1:2: boom":                                                     "ERROR",
		"http: TLS handshake error from 127.0.0.1:2: EOF":                                           "DEBUG",
	} {
		var out bytes.Buffer
		log, err := NewLogger(&out, LogOptions{Level: "debug", Format: "json"})
		if err != nil {
			t.Fatal(err)
		}
		ServerErrors(log, "metrics").Print(text)
		var line map[string]any
		if err := json.Unmarshal(out.Bytes(), &line); err != nil {
			t.Fatalf("%v in %q", err, out.String())
		}
		if line["level"] != want || line["listener"] != "metrics" || line["error"] != text {
			t.Errorf("%q is logged as %v", text, line)
		}
	}
}
