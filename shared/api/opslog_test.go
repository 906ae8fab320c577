package api_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"passbook/shared/access"
	"passbook/shared/api"
	"passbook/shared/api/apitest"
	"passbook/shared/control"
	"passbook/shared/opslog"
	"passbook/shared/storetest"
	"passbook/shared/stream/pebblestream"
	"passbook/shared/web"
)

// opsLog serves an operators' log with actions about these tenants, oldest first, each named after
// its place. There are principals north and south, one for all tenants, and one without ops:read.
func opsLog(t *testing.T, tenants ...string) *apitest.Client {
	t.Helper()
	tables := storetest.Memory(t, pebblestream.Options{}, control.Schema).Table
	for i, tenant := range tenants {
		a := opslog.Action{
			ID: fmt.Sprintf("019ad2c4-6c1e-7a3b-9f0e-%012d", i), Job: fmt.Sprint("job-", i), Actor: "os:1000", Tenant: tenant, Reason: "why", Params: `{"n":1}`,
			At: time.Date(2026, 11, 30, 8, 0, i, 0, time.UTC),
		}
		began, err := opslog.Begin(t.Context(), tables, a)
		if err == nil && i%2 == 0 {
			err = began.End(t.Context(), tables, opslog.Outcome{State: opslog.Failed, ExitCode: 3, Error: "differs", At: a.At.Add(time.Second)})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	callers := apitest.Tenants("north", "south")
	callers["all"] = &access.Principal{Actor: "all", Tenant: "north", Scopes: access.OpsRead, AllTenants: true}
	callers["small"] = &access.Principal{Actor: "small", Tenant: "north", Scopes: access.All &^ access.OpsRead}
	server := api.New(api.Config{Web: web.Config{Service: "bank", Logger: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry(), Auth: callers}})
	server.Mount(api.OpsLog{Table: tables}.Route())
	return apitest.New(t, server.Handler())
}

// listed follows a caller's pages of the log to the end, and returns the jobs.
func listed(t *testing.T, c *apitest.Client, limit int) (jobs []string) {
	t.Helper()
	for at := fmt.Sprint("/v1/ops/log?limit=", limit); at != ""; {
		r := c.Get(at)
		var page api.OpsActionPage
		if err := json.Unmarshal(r.Body, &page); r.Status != 200 || err != nil || len(page.Actions) > limit {
			t.Fatalf("%s: %d %s %v", at, r.Status, r.Body, err)
		}
		for _, a := range page.Actions {
			jobs = append(jobs, a.Job)
		}
		at = ""
		if page.HasMore {
			at = fmt.Sprintf("/v1/ops/log?limit=%d&cursor=%s", limit, page.NextCursor)
		}
	}
	return jobs
}

func TestAPrincipalSeesTheActionsAboutItsTenant(t *testing.T) {
	c := opsLog(t, "", "north", "south", "north", "")
	for caller, want := range map[string]string{"north": "job-3 job-1", "south": "job-2", "all": "job-4 job-3 job-2 job-1 job-0"} {
		for _, limit := range []int{1, 2, 100} {
			if got := strings.Join(listed(t, c.As(caller), limit), " "); got != want {
				t.Errorf("%s, pages of %d: %s, not %s", caller, limit, got, want)
			}
		}
	}
	var page api.OpsActionPage
	if r := c.As("all").Get("/v1/ops/log?job=job-2"); r.Status != 200 || json.Unmarshal(r.Body, &page) != nil || len(page.Actions) != 1 || page.Actions[0].Job != "job-2" {
		t.Errorf("of one job: %d %s", r.Status, r.Body)
	}
	for caller, want := range map[string]string{"": web.CredentialsMissing.Code, "nobody": web.CredentialsInvalid.Code, "small": web.ScopeMissing.Code} {
		if r := c.As(caller).Get("/v1/ops/log"); r.Code() != want {
			t.Errorf("%q: %d %s", caller, r.Status, r.Body)
		}
	}
}

func TestAnotherPrincipalsCursorOfTheLogIsRefused(t *testing.T) {
	c := opsLog(t, "north", "north", "north")
	cursor := c.As("north").Get("/v1/ops/log?limit=1").Text("next_cursor")
	for caller, want := range map[string]int{"north": 200, "south": 400, "all": 400} {
		if r := c.As(caller).Get("/v1/ops/log?limit=1&cursor=" + cursor); r.Status != want {
			t.Errorf("%s: %d %s", caller, r.Status, r.Body)
		}
	}
	for _, query := range []string{"?tenant=north", "?limit=0", "?limit=101", "?cursor=x"} {
		if r := c.As("north").Get("/v1/ops/log" + query); r.Status != 400 {
			t.Errorf("%s: %d", query, r.Status)
		}
	}
}

func TestActionsOnTheWire(t *testing.T) {
	r := opsLog(t, "north", "").As("all").Get("/v1/ops/log")
	want := `{"actions":[` +
		`{"id":"019ad2c4-6c1e-7a3b-9f0e-000000000001","at":"2026-11-30T08:00:01.000000Z","job":"job-1","actor":"os:1000","reason":"why","parameters":{"n":1},"state":"begun"},` +
		`{"id":"019ad2c4-6c1e-7a3b-9f0e-000000000000","at":"2026-11-30T08:00:00.000000Z","job":"job-0","actor":"os:1000","tenant":"north","reason":"why","parameters":{"n":1},` +
		`"state":"failed","ended_at":"2026-11-30T08:00:01.000000Z","exit_code":3,"error":"differs"}],"has_more":false}`
	if string(r.Body) != want {
		t.Errorf("%s\nwant\n%s", r.Body, want)
	}
	if cut := api.NewOpsAction(opslog.Action{State: opslog.Begun, Params: `{"long":"te`}); string(cut.Parameters) != `"{\"long\":\"te"` {
		t.Errorf("parameters that were cut: %s", cut.Parameters)
	}
}

// What a process checks says how it is built: only operators see it, and nobody is refused.
func TestOnlyOperatorsSeeTheChecks(t *testing.T) {
	c := opsLog(t)
	for caller, want := range map[string]bool{"": false, "nobody": false, "small": false, "north": true, "all": true} {
		r := c.As(caller).Get("/readyz?verbose")
		if r.Status != 200 || strings.Contains(string(r.Body), `"checks"`) != want {
			t.Errorf("%q: %d %s", caller, r.Status, r.Body)
		}
	}
}
