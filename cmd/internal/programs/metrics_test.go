package programs

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"passbook/cmd/internal/programs/bank"
	"passbook/cmd/internal/serve"
	"passbook/shared/platform"
)

// run runs a program until the test ends, and returns the process.
func run(t *testing.T, program serve.Program, environ ...string) *serve.Process {
	t.Helper()
	config, err := platform.FromEnv(append([]string{"PASSBOOK_DATA=" + t.TempDir(), "PASSBOOK_LISTEN=127.0.0.1:0", "PASSBOOK_DRAIN_DELAY=0s"}, environ...))
	if err != nil {
		t.Fatal(err)
	}
	p, err := serve.Open(t.Context(), program, "test", config, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	runs(t, p)
	return p
}

// runs runs a process until the test ends.
func runs(t *testing.T, p *serve.Process) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// send sends a request to a host and returns the answer's status and body.
func send(t *testing.T, method, url, host, body string) (status int, text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Host = host
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Idempotency-Key", "CANARY-key")
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	all, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(all)
}

// Metrics are read by more people than accounts are: no label has an account, a tenant or an actor,
// nor anything else that a caller can make up.
func TestMetricsNameNoAccountTenantOrActor(t *testing.T) {
	p := run(t, bank.Program)
	if status, text := send(t, "POST", p.URL()+"/v1/accounts", "", `{"account_id":"CANARY-1","currency":"EUR"}`); status != 201 {
		t.Fatalf("%d %s", status, text)
	}
	for _, call := range [][3]string{
		{"POST", "/v1/accounts/CANARY-1/credits", `{"amount":100,"currency":"EUR","reference":"CANARY-reference"}`},
		{"POST", "/v1/accounts/CANARY-1/withdrawals", `{"amount":500,"currency":"EUR"}`},
		{"POST", "/v1/accounts/CANARY-2/withdrawals", `{"amount":500,"currency":"EUR"}`},
		{"CANARY", "/v1/accounts/CANARY-1/balance", ""}, {"GET", "/CANARY", ""}, {"GET", "/v1/accounts/CANARY-1/balance?min_version=2&wait=5s", ""},
	} {
		send(t, call[0], p.URL()+call[1], "", call[2])
	}
	families, err := p.Registry.Gather()
	if err != nil || len(families) < 30 {
		t.Fatalf("%d families of metrics, %v", len(families), err)
	}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			for _, label := range metric.GetLabel() {
				name, value := label.GetName(), label.GetValue()
				if slices.Contains([]string{"account", "account_id", "tenant", "actor", "key", "principal", "subject", "holder"}, name) ||
					strings.Contains(value, "CANARY") || value == "main" || value == "dev" {
					t.Errorf("%s has the label %s=%q", family.GetName(), name, value)
				}
			}
		}
	}
}

// The listener for metrics serves them, without credentials, and nothing else.
func TestMetricsAreServedAlone(t *testing.T) {
	p := run(t, bank.Program)
	at := "http://" + p.MetricsAddress()
	for _, tt := range []struct {
		method, path, host string
		status             int
		says               string
	}{
		{"GET", "/metrics", "", 200, "passbook_build_info"},
		{"GET", "/metrics", "localhost:1", 200, "passbook_build_info"},
		{"GET", "/metrics", "evil.example", 403, "/problems/origin-refused"},
		{"HEAD", "/metrics", "", 200, ""},
		{"POST", "/metrics", "", 405, "/problems/method-not-allowed"},
		{"GET", "/", "", 404, "/problems/route-not-found"},
		{"GET", "/v1/accounts", "", 404, "/problems/route-not-found"},
		{"GET", "/ops/jobs", "", 404, "/problems/route-not-found"},
		{"GET", "/debug/pprof/", "", 404, "/problems/route-not-found"},
	} {
		if status, text := send(t, tt.method, at+tt.path, tt.host, ""); status != tt.status || !strings.Contains(text, tt.says) {
			t.Errorf("%s: %d %.200s", fmt.Sprint(tt.method, tt.path, tt.host), status, text)
		}
	}
	if off := run(t, bank.Program, "PASSBOOK_METRICS_LISTEN=off"); off.MetricsAddress() != "" {
		t.Errorf("metrics are served at %s", off.MetricsAddress())
	}
}

// Where no credentials are asked for, a page in a browser whose name resolves to this machine is
// told whether the bank is ready, as a probe is, and not what it consists of.
func TestCausesAreNotForPagesOfOtherSites(t *testing.T) {
	p := run(t, bank.Program)
	for host, want := range map[string]bool{"": true, "localhost": true, "evil.example": false} {
		if status, text := send(t, "GET", p.URL()+"/readyz?verbose", host, ""); status != 200 || strings.Contains(text, `"checks"`) != want {
			t.Errorf("%q: %d %s", host, status, text)
		}
	}
}
