package monitor

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// What is scraped reads as what is gathered, and a process that answers otherwise says why.
func TestScrapedMetricsReadAsGathered(t *testing.T) {
	b := newBank()
	b.requests.WithLabelValues("/withdraw", "POST", "201").Observe(.004)
	b.entries.WithLabelValues("balance@1", "applied").Add(7)
	answers := map[string]http.Handler{
		"/metrics": promhttp.HandlerFor(b.registry, promhttp.HandlerOpts{}),
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { answers[r.URL.Path].ServeHTTP(w, r) }))
	defer s.Close()
	address := strings.TrimPrefix(s.URL, "http://")
	scraped := &b
	m, c := watch(scraped)
	m.config.Processes = func(context.Context) ([]Process, error) {
		return []Process{{Name: "bank", Instance: "one", Version: "v1", Started: c.now, Gather: Scrape(s.Client(), address)}}, nil
	}
	m.Sample(t.Context())
	c.now = c.now.Add(Every)
	b.entries.WithLabelValues("balance@1", "applied").Add(10)
	b.requests.WithLabelValues("/withdraw", "POST", "201").Observe(.004)
	m.Sample(t.Context())
	if rate, known := m.Rate(Figure{Applied, "balance@1"}); !known || rate != 5 {
		t.Errorf("%v, %v", rate, known)
	}
	if p99, known := m.Quantile(Figure{Latency, "withdraw"}, .99); !known || p99 <= 0 {
		t.Errorf("%v, %v", p99, known)
	}
	ctx, cancel := context.WithCancel(t.Context())
	for says, answer := range map[string]http.HandlerFunc{
		"403 Forbidden":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) },
		"cannot be read": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
		"more than": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(strings.Repeat("# a\n", maxScrape)))
		},
		"307 Temporary R": http.RedirectHandler("/elsewhere", http.StatusTemporaryRedirect).ServeHTTP,
		"canceled": func(_ http.ResponseWriter, r *http.Request) {
			cancel()
			<-r.Context().Done()
		},
	} {
		answers["/metrics"] = answer
		client := *s.Client()
		client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		if _, err := Scrape(&client, address)(ctx); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
		ctx, cancel = context.WithCancel(t.Context())
	}
	cancel()
}
