package watch

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"passbook/cmd/internal/cli"
)

// well serves a bank at which nothing is wrong, for a key without money:withdraw.
func well(w http.ResponseWriter, r *http.Request) {
	switch r.Method + " " + r.URL.Path {
	case "GET /livez":
		fmt.Fprint(w, `{"status":"live"}`)
	case "GET /version":
		fmt.Fprint(w, `{"service":"bank","version":"test","go":"go1.26"}`)
	case "GET /readyz":
		fmt.Fprint(w, `{"status":"ready","checks":[{"name":"journal","ready":true}]}`)
	case "GET /v1/accounts", "GET /v1/events", "GET /v1/consumers", "GET /v1/webhooks":
		fmt.Fprint(w, `{}`)
	case "GET /v1/ops/pipeline":
		fmt.Fprint(w, `{"environment":{"store":"embedded","place":"data"},"disk":{"free_bytes":9000000000,"floor_bytes":1000000000},"needs_attention":[]}`)
	case "POST /v1/webhooks":
		deny(w, 400, "validation-failed")
	case "POST /v1/accounts/doctor/withdrawals":
		deny(w, 403, "scope-missing")
	default:
		if r.Header.Get("Idempotency-Key") != "" {
			panic("doctor sends a command that a bank could carry out")
		}
		deny(w, 400, "idempotency-key-missing")
	}
}

// deny answers with a problem document.
func deny(w http.ResponseWriter, status int, code string) {
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"type":"/problems/%s","title":%q,"status":%d,"detail":"No."}`, code, code, status)
}

// but returns the bank well, with other answers to some paths.
func but(answers map[string]http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if answer := answers[r.URL.Path]; answer != nil {
			answer(w, r)
			return
		}
		well(w, r)
	}
}

// reply returns a handler that answers with a body.
func reply(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body) }
}

func TestDoctorFindsNothingWrong(t *testing.T) {
	code, out, errOut := run(t, http.HandlerFunc(well), "doctor", "-o", "csv")
	if code != 0 || strings.Contains(out, "failed") || strings.Contains(out, "warning") || errOut != "nothing is wrong\n" {
		t.Errorf("%d\n%s%s", code, out, errOut)
	}
	if !strings.Contains(out, "money:credit, limits:write, webhooks:read, webhooks:write; not money:withdraw") {
		t.Errorf("the key:\n%s", out)
	}
}

func TestDoctorNamesWhatIsWrongAndWhatToDo(t *testing.T) {
	for name, tt := range map[string]struct {
		bank http.HandlerFunc
		code int
		want []string
	}{
		"another release": {but(map[string]http.HandlerFunc{"/version": reply(`{"service":"bank","version":"v9"}`)}), 0, []string{"warning  version", "bank v9, this program is test"}},
		"a clock that is off": {but(map[string]http.HandlerFunc{"/livez": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Date", time.Now().Add(-2*time.Minute).UTC().Format(http.TimeFormat))
		}}), cli.ExitFailed, []string{"failed   clock", "behind this one", "NTP"}},
		"not ready": {but(map[string]http.HandlerFunc{"/readyz": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprint(w, `{"type":"/problems/not-ready","title":"Not ready","status":503,"checks":[{"name":"journal","ready":true},{"name":"storage","ready":false,"cause":"the volume is full"}]}`)
		}}), cli.ExitFailed, []string{"failed   ready        storage is not ready: the volume is full", "ok       ready        journal"}},
		"no key": {but(map[string]http.HandlerFunc{"/v1/accounts": func(w http.ResponseWriter, _ *http.Request) { deny(w, 401, "credentials-missing") }}),
			cli.ExitFailed, []string{"failed   key", "bank key create"}},
		"a disk that is almost full": {but(map[string]http.HandlerFunc{"/v1/ops/pipeline": reply(`{"environment":{"store":"embedded"},"disk":{"free_bytes":1500000000,"floor_bytes":1000000000}}`)}),
			0, []string{"warning  disk", "storage-full"}},
		"a quarantine": {but(map[string]http.HandlerFunc{"/v1/ops/pipeline": reply(`{"environment":{"store":"embedded"},"needs_attention":[{"kind":"blocked","severity":"bad","what":"A-1 is in quarantine","remedy":"redrive it","command":"bank quarantine redrive A-1"}]}`)}),
			cli.ExitFailed, []string{"failed   blocked      A-1 is in quarantine", "redrive it: bank quarantine redrive A-1"}},
		"a service without a pipeline": {but(map[string]http.HandlerFunc{"/v1/ops/pipeline": func(w http.ResponseWriter, _ *http.Request) { deny(w, 404, "route-not-found") }}),
			0, []string{"skipped  pipeline"}},
	} {
		t.Run(name, func(t *testing.T) {
			code, out, errOut := run(t, tt.bank, "doctor")
			if code != tt.code {
				t.Errorf("it ends with %d, not %d", code, tt.code)
			}
			for _, want := range tt.want {
				if !strings.Contains(out, want) {
					t.Errorf("no %q in\n%s%s", want, out, errOut)
				}
			}
		})
	}
}

func TestDoctorJudgesTheWay(t *testing.T) {
	ending := func(in time.Duration) *tls.ConnectionState {
		return &tls.ConnectionState{Version: tls.VersionTLS13, PeerCertificates: []*x509.Certificate{{NotAfter: time.Now().Add(in)}}}
	}
	for name, tt := range map[string]struct {
		address string
		state   *tls.ConnectionState
		want    string
	}{
		"this machine":       {"http://127.0.0.1:1", nil, StateOK},
		"by name":            {"http://localhost:1", nil, StateOK},
		"a network in clear": {"http://bank.example:1", nil, StateWarning},
		"a certificate":      {"https://bank.example", ending(90 * 24 * time.Hour), StateOK},
		"one that ends":      {"https://bank.example", ending(24 * time.Hour), StateWarning},
	} {
		var got finding
		v := &Visit{count: map[string]int{}, write: func(f finding) error { got = f; return nil }}
		if v.transport(tt.address, tt.state); got.State != tt.want || tt.want != StateOK && got.Next == "" {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
