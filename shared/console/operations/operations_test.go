package operations

import (
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"passbook/shared/access"
	"passbook/shared/console/view"
	"passbook/shared/opsread"
	"passbook/shared/session"
)

func TestJobIsCheckedWithItsDryRunAndThenStarted(t *testing.T) {
	b := &bank{results: map[string]string{"rebuild": `{"model":"balance","generation":2,"events":72,"segments":7,"bytes":2048}`}}
	form := b.form(t, "rebuild", "model", "balance", "from", "archive")
	b.open(t, "/ui/jobs/check", form).Must(t, 200, "replay rebuild --model balance --from archive", "it would be done", "72", "2.0 KiB")
	form.Set("reason", "to see")
	p := b.open(t, "/ui/jobs", form)
	if p.Status != 303 || p.Location != "/ui/jobs/job-b" {
		t.Fatalf("started: %d to %q", p.Status, p.Location)
	}
	b.open(t, p.Location, nil).Must(t, 200, "Job rebuild", "done", "Compare and promote")
	b.open(t, "/ui/operators?tab=jobs", nil).Must(t, 200, `class="meta">dry run<`)
	dry, real := b.orders[0], b.orders[1]
	if string(dry.Params) != `{"dry_run":true,"from":"archive","model":"balance"}` || string(real.Params) != `{"from":"archive","model":"balance"}` || real.Actor != "dev" || real.Reason != "to see" {
		t.Errorf("%+v, %+v", dry, real)
	}
	b.fail = errBusy
	b.open(t, "/ui/jobs", form).Must(t, 409, errBusy.Error())
}

func TestWhatDestroysNeedsAWord(t *testing.T) {
	for do, c := range map[string]struct{ field, value, word string }{
		"discard": {"model", "balance", "balance"}, "clear": {"record", "s#1", "clear"}, "revoke": {"id", "abc", "abc"},
	} {
		b := &bank{}
		form := b.form(t, do, c.field, c.value)
		b.open(t, "/ui/jobs/check", form).Must(t, 200, "Type <span class=\"id\">"+c.word, `class="danger"`)
		before := len(b.orders)
		b.open(t, "/ui/jobs", form).Must(t, 422, "Nothing was done")
		if len(b.orders) != before {
			t.Errorf("%s: started without the word: %v", do, b.orders)
		}
		form.Set("word", c.word)
		if p := b.open(t, "/ui/jobs", form); p.Status != 303 || len(b.orders) != before+1 {
			t.Errorf("%s: %d %v", do, p.Status, b.orders)
		}
	}
}

func TestWrongOrdersAreNotBegun(t *testing.T) {
	b := &bank{}
	for _, f := range []url.Values{
		b.form(t, "restore"), b.form(t, "rebuild", "model", "balances", "from", "archive"), b.form(t, "rebuild", "model", "balance", "from", "tape"),
		b.form(t, "redrive", "account", "A-1"), b.form(t, "clear"), b.form(t, "audit", "tenant", "a b"), b.form(t, "key", "name", "x", "tenant", "main", "expires", "90d"),
		b.form(t, "key", "name", "x", "tenant", "main", "expires", "90d", "scope", "all:things"),
	} {
		for _, path := range []string{"/ui/jobs/check", "/ui/jobs"} {
			b.open(t, path, f).Must(t, 422, "Nothing was done")
		}
	}
	if len(b.orders) > 0 {
		t.Errorf("begun: %v", b.orders)
	}
}

// as returns the request of a person.
func as(tenant string, all bool, scopes access.Scopes) *view.Request {
	return &view.Request{Visit: session.Visit{Principal: &access.Principal{Actor: "key:a", Tenant: tenant, AllTenants: all, Scopes: scopes}}}
}

func TestWhoMayHaveWhatDone(t *testing.T) {
	redrive, whole := url.Values{"account": {"A-1"}, "tenant": {"north"}}, url.Values{"model": {"balance"}, "from": {"journal"}}
	key := func(tenant, scope string, more ...string) url.Values {
		f := url.Values{"name": {"n"}, "tenant": {tenant}, "expires": {"1d"}, "scope": {scope}}
		if len(more) > 0 {
			f.Set(more[0], "yes")
		}
		return f
	}
	for _, c := range []struct {
		name, do string
		form     url.Values
		by       *view.Request
		may      bool
	}{
		{"operator of all", "rebuild", whole, as("north", true, access.OpsWrite), true},
		{"operator of one", "rebuild", whole, as("north", false, access.OpsWrite), false},
		{"reader", "rebuild", whole, as("north", true, access.OpsRead), false},
		{"own account", "redrive", redrive, as("north", false, access.OpsWrite), true},
		{"another's account", "redrive", redrive, as("south", false, access.OpsWrite), false},
		{"own audit", "audit", url.Values{"tenant": {"north"}}, as("north", false, access.OpsWrite), true},
		{"whole audit", "audit", url.Values{}, as("north", false, access.OpsWrite), false},
		{"own key", "key", key("north", "accounts:read"), as("north", false, access.KeysWrite|access.AccountsRead), true},
		{"another tenant's key", "key", key("south", "accounts:read"), as("north", false, access.KeysWrite|access.AccountsRead), false},
		{"more than one's own scopes", "key", key("north", "force"), as("north", false, access.KeysWrite|access.AccountsRead), false},
		{"more than one's own tenants", "key", key("north", "ops:read", "all_tenants"), as("north", false, access.KeysWrite|access.OpsRead), false},
		{"operators' key", "key", key("north", "ops:read", "all_tenants"), as("north", true, access.KeysWrite|access.OpsRead), true},
		{"key by an operator", "key", key("north", "ops:write"), as("north", true, access.OpsWrite), false},
	} {
		o, err := actions[c.do].read(c.form)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if err := refuse(c.by, actions[c.do], o); (err == nil) != c.may {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestJobsOfOtherTenantsAreNotShown(t *testing.T) {
	for _, c := range []struct {
		job  Job
		by   *view.Request
		sees bool
	}{
		{Job{Tenant: "north"}, as("north", false, 0), true}, {Job{Tenant: "south"}, as("north", false, 0), false}, {Job{}, as("north", false, 0), false},
		{Job{Tenant: "south"}, as("north", true, 0), true}, {Job{Actor: "key:a"}, as("north", false, 0), true},
	} {
		if got := sees(c.by, c.job); got != c.sees {
			t.Errorf("%+v is shown to one of %s, all tenants %t: %t", c.job, c.by.Tenant, c.by.AllTenants, got)
		}
	}
}

func TestKeyIsShownOnce(t *testing.T) {
	b := &bank{}
	form := b.form(t, "key", "name", "payroll", "tenant", "main", "expires", "90d", "scope", "accounts:read")
	b.open(t, "/ui/jobs/check", form).Must(t, 200, "bank key create --name payroll --tenant main --scopes accounts:read --expires 90d")
	made := b.open(t, "/ui/jobs", form).Must(t, 200, "pb_", "shown once")
	var params struct {
		ID, Sum, Name string
		Scopes        []string
		Expires       time.Time `json:"expires_at"`
	}
	if err := json.Unmarshal(b.orders[0].Params, &params); err != nil || params.Sum == "" || !strings.Contains(made.Text, "pb_"+params.ID+"_") || params.Expires.Before(time.Now().Add(89*24*time.Hour)) {
		t.Errorf("%+v %v", params, err)
	}
	if strings.Contains(string(b.orders[0].Params), "pb_") {
		t.Error("the job has the key's text")
	}
	b.open(t, "/ui/operators?tab=jobs", nil).Must(t, 200, "key-create")
}

// Every page stands with what the API answers, and without the API: the refusal is in the place of
// the part that it concerns.
func TestEveryPageStands(t *testing.T) {
	day := time.Now().UTC().Format(time.DateOnly)
	full := &bank{answers: map[string]string{
		"/v1/ops/archive":          `{"as_of":"2026-11-30T09:00:00Z","complete_up_to":"2026-11-30T08:59:00Z","reaches":"2026-11-30T08:59:30Z","unproven_shards":0,"segments":1,"entries":2,"events":1234,"bytes":5000,"days":[{"day":"` + day + `","shards":[{"shard":"s-1/shardId-000000000003","segments":1,"rows":1234,"bytes":5000}]}],"shards":[{"shard":"s-1/shardId-000000000003","last_sequence":"9","proven":true}],"gap_count":1,"gaps":["a gap"]}`,
		"/v1/ops/archive/segments": `{"day":"` + day + `","segments":[{"key":"events/v2/k","shard":"s-1/shardId-000000000003","format":2,"bytes":5000,"rows":1234,"entries":2,"first_sequence":"1","last_sequence":"9","recorded_from":"2026-11-30T08:00:00Z","recorded_to":"2026-11-30T08:59:00Z","proof":"suspect","suspicion":"odd","pages_sha256":"x"}],"has_more":true,"next_cursor":"c"}`,
		"/v1/ops/archive/totals":   `{"day":"` + day + `","rows":1234,"most_rows":200000,"currencies":[{"currency":"EUR","exponent":2,"accounts":3,"events":1234,"in":250000,"out":2500}]}`,
		"/v1/ops/settings":         `{"service":"bank","version":"v1","go":"go1","settings":[{"flag":"data","variable":"PASSBOOK_DATA","value":"/srv/o'clock","source":"environment"}],"budgets":[{"name":"limit","bytes":1073741824}],"free_bytes":5000000000,"floor_bytes":1000}`,
		"/v1/ops/generations":      `{"models":[{"model":"balance","generations":[{"generation":1,"role":"live","consumer":"balance@1","shards":4,"behind_seconds":0.2,"holes":0},{"generation":2,"role":"candidate","consumer":"balance@2","shards":4,"holes":1}]}]}`,
		"/v1/ops/quarantine":       `{"quarantined":[{"consumer":"balance@1","id":"main#A-1","tenant":"main","account_id":"A-1","version":4,"behind_versions":2,"cause":"it contradicts","at":"2026-11-30T09:00:00Z","size":7,"data":"eyJhIjoxfQ=="}],"more":false}`,
		"/v1/ops/log":              `{"actions":[{"id":"1","at":"2026-11-30T09:00:00Z","job":"promote","actor":"os:0","state":"failed","error":"differs","parameters":{"model":"balance","dry_run":true},"reason":"why"},{"id":"0","at":"2026-11-30T08:00:00Z","ended_at":"2026-11-30T08:00:07Z","exit_code":3,"job":"audit","actor":"os:0","state":"failed","error":"differs","parameters":{"repair":true},"tenant":"north"}],"has_more":false}`,
		"/v1/ops/keys":             `{"keys":[{"id":"abc","name":"cards","tenant":"main","scopes":["accounts:read"],"state":"active","created_at":"2026-11-30T09:00:00Z","created_by":"os:0","last_used_on":"2026-11-29"}],"has_more":false}`,
		"/readyz":                  `{"status":"ready","checks":[{"name":"journal","ready":true},{"name":"archive","ready":false,"cause":"late"}]}`,
	}}
	for path, texts := range map[string][]string{
		"/ui/archive": {"shard 3", "1,234", "a gap", "+2,500.00", "−25.00", "suspect", "/srv/o''clock/archive/events/v2/date=" + day, "Next page", `class="heat-4"`},
		"/ui/replay":  {"candidate", "0.2 s", "Compare and promote", "Discard the candidate"}, "/ui/replay?time=2026-11-30T08:00:00Z": {"replay at --time 2026-11-30T08:00:00Z"},
		"/ui/replay?time=now": {"A time is like"}, "/ui/audit": {"No audit has ended", "tenant north, with repair", "differences", "7.0 s"}, "/ui/quarantine": {"A-1", "it contradicts"},
		"/ui/quarantine?consumer=balance@1&id=main%23A-1": {"Redrive", `"a": 1`, `{"a":1}`, "bank quarantine redrive A-1 --tenant main"},
		"/ui/operators": {"promote", ">dry run<", "differs", "why"}, "/ui/operators?tab=keys": {"cards", "Revoke", "2026-11-29"}, "/ui/operators?tab=settings": {"PASSBOOK_DATA", "1.0 GiB", "environment"},
		"/ui/operators?tab=health": {"ready", "late"}, "/ui/operators?tab=jobs": {"No job has run"}, "/ui/keys/new": {"accounts:read"},
	} {
		full.open(t, path, nil).Must(t, 200, texts...)
		if path == "/ui/keys/new" || strings.HasSuffix(path, "jobs") {
			continue
		}
		(&bank{}).open(t, path, nil).Must(t, 200, "Journal unavailable", "c-1")
	}
	alone := &bank{noJobs: true, answers: full.answers}
	alone.open(t, "/ui/replay", nil).Must(t, 200, "runs no jobs", "replay rebuild")
	if p := alone.open(t, "/ui/jobs", url.Values{}); p.Status != 404 {
		t.Errorf("a job where none runs: %d", p.Status)
	}
}

// A day that is none is refused in one place, not once for each of its parts.
func TestAWrongDayIsRefusedOnce(t *testing.T) {
	b := &bank{answers: map[string]string{"/v1/ops/archive": `{"segments":1,"days":[],"shards":[],"gaps":[]}`}}
	p := b.open(t, "/ui/archive?day=no", nil)
	p.Must(t, 200, "a day such as 2026-03-04")
	if n := strings.Count(p.Text, "Validation failed"); n != 1 {
		t.Errorf("the refusal is shown %d times:\n%s", n, p.Text)
	}
}

// An item says what to do, by command and by form; when it is over, the page says so.
func TestWhatNeedsAttentionOpens(t *testing.T) {
	b := &bank{answers: map[string]string{"/v1/ops/pipeline": `{"needs_attention":[
		{"id":"blocked/balance@1/main/A-7","kind":"blocked","severity":"bad","subject":"A-7","what":"quarantined at version 4","cause":"it contradicts","since":"2026-11-30T08:00:00Z","affects":"This account","accounts":[{"tenant":"main","account_id":"A-7"},{"tenant":"north","account_id":"B-1"}],"remedy":"redrive it","command":"bank quarantine redrive A-7","dry_run":"bank quarantine redrive A-7 --dry-run","page":"/ui/quarantine"},
		{"id":"lag/balance@1/s-0","kind":"lag","severity":"warn","subject":"s-0","what":"behind","cause":"nobody","affects":"all","accounts":[],"remedy":"start it","command":"GET /v1/consumers","page":"/ui/pipeline"},
		{"id":"audit/u/audit","kind":"audit","severity":"bad","subject":"audit","what":"differs","cause":"c","since":"2026-11-30T08:00:00Z","affects":"some","accounts":[],"remedy":"repair","command":"audit --repair","dry_run":"audit","page":"/ui/audit"}]}`},
		results: map[string]string{"audit": `{"count":1,"findings":[{"where":"balance","account":"main#A-9","version":3,"what":"differs"}],"archive":{}}`}}
	p := b.open(t, "/ui/attention?id="+url.QueryEscape("blocked/balance@1/main/A-7"), nil).Must(t, 200, "it contradicts", "2026-11-30 08:00", "redrive it", `href="/ui/accounts/A-7"`, "of north", "--dry-run")
	if strings.Contains(p.Text, "/ui/accounts/B-1") {
		t.Error("a link to another tenant's account")
	}
	b.open(t, "/ui/attention?id="+url.QueryEscape("lag/balance@1/s-0"), nil).Must(t, 200, "curl -s 'http://127.0.0.1/v1/consumers'", "seen only while it lasts")
	for range 3 { // the item is about the second
		b.open(t, "/ui/jobs", b.form(t, "audit"))
	}
	since := time.Date(2026, 11, 30, 8, 0, 0, 0, time.UTC)
	for i, began := range []time.Time{since.Add(-time.Hour), since, since.Add(time.Hour)} {
		ended := began.Add(time.Minute)
		b.list[i].StartedAt, b.list[i].FinishedAt = began, &ended
		b.list[i].Result = []byte(strings.ReplaceAll(string(b.list[i].Result), "A-9", "A-"+strconv.Itoa(8+i)))
	}
	p = b.open(t, "/ui/attention?id="+url.QueryEscape("audit/u/audit"), nil).Must(t, 200, `href="/ui/accounts/A-9"`, `name="repair" value="yes"`, "<code>audit</code>")
	if strings.Contains(p.Text, "/ui/accounts/A-8") || strings.Contains(p.Text, "/ui/accounts/A-10") {
		t.Error("an account of another audit")
	}
	b.open(t, "/ui/attention?id=lag/balance@1/s-9", nil).Must(t, 200, "This is over")
	(&bank{}).open(t, "/ui/attention?id=x", nil).Must(t, 200, "Journal unavailable")
}

func TestAuditInColumns(t *testing.T) {
	b := &bank{results: map[string]string{"audit": `{"began":"2026-11-30T09:00:00Z","took_ns":1500000000,"count":1,"totals":{"balance":{"accounts":2,"events":5,"posted":{"EUR":"7400"}},"archive":{"accounts":2,"entries":4,"events":5,"posted":{"EUR":"7500"}},"journal":{"accounts":2,"entries":4,"events":5,"posted":{"EUR":"7500"}}},"findings":[{"where":"balance","account":"main#A-1","version":3,"what":"the row differs","expected":"7500","found":"7401","advice":"run bank quarantine redrive ACCOUNT"},{"where":"balance","account":"main#A-1","version":3,"what":"no row","expected":"7600"}],"on_the_way":0,"archive":{}}`}}
	b.open(t, "/ui/jobs", b.form(t, "audit"))
	p := b.open(t, "/ui/audit", nil).Must(t, 200, "75.00", "74.00", "not equal", "differences: 1", "run bank quarantine redrive main#A-1", "took 1.5 s", "7401", "7500", "<bdi>nothing</bdi>", "7600")
	if j, a := strings.Index(p.Text, ">journal<"), strings.Index(p.Text, ">archive<"); j < 0 || a < j {
		t.Errorf("columns: journal at %d, archive at %d", j, a)
	}
}

// What is on accounts is shown to who may read them, in the tables and in the whole result.
func TestValuesAreForWhoMayReadAccounts(t *testing.T) {
	result := `{"model":"balance","live":1,"candidate":2,"faults":{"Count":1,"List":[{"Account":{"Tenant":"main","ID":"A-1"},"Version":3,"What":"the rows differ in [posted]","Values":[{"Name":"posted","Live":"7501","Candidate":"7502"}]}]}}`
	job := Job{Name: "promote", State: "failed", Result: []byte(result)}
	full := outcomeOf(as("main", true, access.OpsRead|access.AccountsRead), job)
	if list := full.Faults.Shown(); len(list) != 1 || list[0].Account != "main#A-1" || len(list[0].Values) != 1 || list[0].Values[0].Candidate != "7502" || !strings.Contains(full.Text, "7502") {
		t.Errorf("%+v", full)
	}
	cut := outcomeOf(as("main", true, access.OpsRead), job)
	if list := cut.Faults.Shown(); len(list) != 1 || list[0].What == "" || len(list[0].Values) != 0 || strings.Contains(cut.Text, "750") {
		t.Errorf("%+v", cut)
	}
	other := outcomeOf(as("north", true, access.OpsRead|access.AccountsRead), job)
	if list := other.Faults.Shown(); len(list) != 1 || len(list[0].Values) != 0 || strings.Contains(other.Text, "750") {
		t.Errorf("of another tenant: %+v", other)
	}
	audit := Job{Name: "audit", Result: []byte(`{"count":1,"findings":[{"where":"balance","account":"main#A-1","what":"posted","expected":"7501","found":"7502"}],"archive":{}}`)}
	for _, by := range []*view.Request{as("main", true, access.OpsRead), as("north", true, access.OpsRead|access.AccountsRead)} {
		if report := outcomeOf(by, audit); strings.Contains(report.Text, "750") || report.Report.Findings[0].Expected != "" {
			t.Errorf("%+v", report)
		}
	}
	if report := outcomeOf(as("main", true, access.OpsRead|access.AccountsRead), audit); report.Report.Findings[0].Expected != "7501" {
		t.Errorf("%+v", report)
	}
}

// The states of all accounts are for who reads the accounts of that tenant, as sums and as a file.
func TestStatesOfAllAccountsAreAFile(t *testing.T) {
	b := &bank{results: map[string]string{"states": `{"time":"2026-11-30T08:00:00Z","accounts":2,"posted":{"EUR":"7500"},"held":{"EUR":"0"},"list":[{"tenant":"main","account_id":"A-1","currency":"EUR","status":"open","posted":7500,"available":7500,"version":3,"as_of":"2026-11-30T07:00:00Z"}],"faults":{}}`}}
	form := b.form(t, "states", "time", "2026-11-30T09:00:00+01:00", "tenant", "main")
	b.open(t, "/ui/jobs/check", form).Must(t, 200, "replay at --time 2026-11-30T08:00:00Z --tenant main -o ndjson")
	p := b.open(t, "/ui/jobs", form)
	b.open(t, p.Location, nil).Must(t, 200, "75.00", "Download as CSV", "1 of 2 accounts")
	b.open(t, p.Location+"/states.csv", nil).Must(t, 200, "main,A-1,EUR,open,3,7500,0,0,7500,2026-11-30T07:00:00Z")
	b.open(t, "/ui/jobs/check", b.form(t, "states", "time", "yesterday", "tenant", "main")).Must(t, 422, "a time is like")
	b.open(t, "/ui/jobs/check", b.form(t, "states", "time", "2026-11-30T08:00:00Z", "tenant", "north")).Must(t, 422, "of tenant main only")
	job := b.list[0]
	for _, c := range []struct {
		by  *view.Request
		may bool
	}{
		{as("main", true, access.OpsRead|access.AccountsRead), true}, {as("main", true, access.OpsRead), false}, {as("north", true, access.OpsRead|access.AccountsRead), false},
	} {
		if got := statesOf(c.by, job) != nil; got != c.may {
			t.Errorf("%s %s: %t", c.by.Tenant, c.by.Scopes, got)
		}
	}
}

func TestHeatOfDays(t *testing.T) {
	for _, c := range []struct {
		n, most int64
		level   int
	}{{0, 100, 0}, {1, 100, 1}, {100, 100, 4}, {50, 100, 2}, {80, 100, 3}, {1, 1, 4}} {
		if got := level(c.n, c.most); got != c.level {
			t.Errorf("%d of %d is %d, not %d", c.n, c.most, got, c.level)
		}
	}
	today := time.Now().UTC().Format(time.DateOnly)
	drawn := string(heat(opsread.Archive{Days: []opsread.Day{{Day: today, Shards: []opsread.DayShard{{Shard: `x/<b>`, Rows: 7}}}}}, 3, today))
	if strings.Count(drawn, "<rect") != 3 || strings.Contains(drawn, "<b>") || !strings.Contains(drawn, `aria-current="true"`) {
		t.Error(drawn)
	}
}
