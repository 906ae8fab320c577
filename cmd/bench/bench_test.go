package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"passbook/cmd/bench/driver"
)

// teller answers every command with 201, and counts the keys that it sees.
func teller(t *testing.T, seen *atomic.Int64) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Header.Get("Idempotency-Key") == "" || !strings.HasPrefix(string(body), `{"amount":`) {
			t.Errorf("%s %s: %q, %v", r.Method, r.URL.Path, body, err)
		}
		seen.Add(1)
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"account_id":"B-1","version":7}`)
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

func TestEveryAnswerIsCounted(t *testing.T) {
	var seen atomic.Int64
	l := newLoad(&driver.Bank{Address: teller(t, &seen)}, "t", []string{"B-1", "B-2"})
	for name, run := range map[string]func() (driver.Outcome, error){
		"closed": func() (driver.Outcome, error) { return l.closedLoop(t.Context(), 3, 300*time.Millisecond) },
		"paced":  func() (driver.Outcome, error) { return l.paced(t.Context(), 3, 300*time.Millisecond, 500) },
	} {
		seen.Store(0)
		got, err := run()
		if err != nil || got.Refused != 0 || got.Done != seen.Load() || got.Done == 0 {
			t.Errorf("%s: %d done of %d, %d refused, %v", name, got.Done, seen.Load(), got.Refused, err)
		}
	}
}

func TestReadVersion(t *testing.T) {
	if v, err := readVersion([]byte(`{"account_id":"B-1","version":120,"events":[]}`)); v != 120 || err != nil {
		t.Errorf("%d, %v", v, err)
	}
	if _, err := readVersion([]byte(`{}`)); err == nil {
		t.Error("no error without a version")
	}
}

func TestReport(t *testing.T) {
	r := newReport()
	for _, v := range []float64{900, 12_345, 11_000} {
		r.add(measure{what: "rate", target: 10_000}, v)
		r.add(measure{what: "wait", unit: " ms", target: 10, atMost: true}, v/1000)
	}
	var out strings.Builder
	if err := r.print(&out); err != nil {
		t.Fatal(err)
	}
	if r.missed() != 1 || !strings.Contains(out.String(), "11,000") || !strings.Contains(out.String(), "MISSED, at 110 %") {
		t.Errorf("%d missed\n%s", r.missed(), out.String())
	}
}
