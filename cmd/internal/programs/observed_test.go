package programs

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"go.yaml.in/yaml/v3"

	"passbook/cmd/internal/deployment"
	"passbook/cmd/internal/programs/bank"
	"passbook/cmd/internal/programtest"
	"passbook/cmd/internal/serve"
)

// elsewhere are the metrics that no program of these tests has, with the reason.
var elsewhere = map[string]string{
	"passbook_backup_age_seconds":              "only once a backup was made",
	"passbook_feed_source":                     "only on Kinesis",
	"passbook_archive":                         "a database of Athena",
	"passbook_tables":                          "a database of Glue",
	"passbook_tls_certificate_expires_seconds": "only with --tls-cert",

	// tested beside the program
	"passbook_table_works":                "of compact",
	"passbook_table_lag_seconds":          "of compact",
	"passbook_table_last_success_seconds": "of compact",
	"passbook_table_rows":                 "of compact",
	"passbook_table_waiting_accounts":     "of compact",
	"passbook_table_gaps":                 "of compact",
}

// watchers are the files that read metrics by their names.
var watchers = []string{"deploy/prometheus/rules.yaml", "deploy/grafana/passbook.json", "docs/operations.md"}

var (
	// metricNamed matches a metric of Passbook; one that a recording rule makes has colons around
	// it.
	metricNamed = regexp.MustCompile(`:?\bpassbook_[a-z0-9_]+\b:?`)
	// metricMatched matches a metric with the matchers of its labels, metricLabel one of them.
	metricMatched = regexp.MustCompile(`\b(passbook_[a-z0-9_]+)\{([^}]*)\}`)
	metricLabel   = regexp.MustCompile(`([a-z_]+)\s*(?:=~|!=|!~|=)`)
)

// textOf returns a file of the repository.
func textOf(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "..", filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// labelsOf returns the metrics of a program that has just begun by name, those of histograms with
// their suffixes, and the labels of each.
func labelsOf(families []*dto.MetricFamily) map[string][]string {
	all := map[string][]string{}
	for _, family := range families {
		names := []string{family.GetName()}
		if family.GetType() == dto.MetricType_HISTOGRAM {
			names = []string{family.GetName(), family.GetName() + "_bucket", family.GetName() + "_sum", family.GetName() + "_count"}
		}
		for _, name := range names {
			for _, label := range family.GetMetric()[0].GetLabel() {
				all[name] = append(all[name], label.GetName())
			}
			all[name] = append(all[name], "job", "instance") // Prometheus adds these
		}
	}
	return all
}

// observed collects the metrics of the bank in its modes of access and of the services beside each
// other, from their start: an alert on what rises misses a series that begins with its first count.
type observed map[string][]string

// add adds the metrics of a process.
func (o observed) add(t *testing.T, p *serve.Process) {
	t.Helper()
	families, err := p.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for name, labels := range labelsOf(families) {
		o[name] = labels
	}
}

// watchedProcesses starts the bank in its modes of access, and the services on one engine.
func watchedProcesses(t *testing.T) (all []*serve.Process) {
	t.Helper()
	for _, environ := range [][]string{
		{"PASSBOOK_AUTH=apikey", "PASSBOOK_RATE=1000"}, {"PASSBOOK_AUTH=oidc", "PASSBOOK_OIDC_ISSUER=http://127.0.0.1:1", "PASSBOOK_OIDC_AUDIENCE=bank"},
	} {
		all = append(all, run(t, bank.Program, environ...))
	}
	config, engine := deploy(t, "127.0.0.1:0")
	t.Cleanup(func() { _ = engine.Close() }) // the test is over
	log := slog.New(slog.DiscardHandler)
	if err := deployment.Stores(config, engine, log).Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, program := range services {
		p, err := serve.OpenOn(t.Context(), program, "test", config, programtest.Share(engine, engine.Table, engine.Streams, engine.Bucket), log)
		if err != nil {
			t.Fatal(err)
		}
		runs(t, p)
		all = append(all, p)
	}
	return all
}

// missing returns an error that names the metrics that watchers read and no process has.
func (o observed) missing(t *testing.T) error {
	t.Helper()
	var missing []string
	for _, name := range watchers {
		for _, metric := range metricNamed.FindAllString(textOf(t, name), -1) {
			if !strings.Contains(metric, ":") && elsewhere[metric] == "" && o[metric] == nil {
				missing = append(missing, metric+" of "+name)
			}
		}
	}
	if missing == nil {
		return nil
	}
	slices.Sort(missing)
	return fmt.Errorf("no process has from its start %s", strings.Join(slices.Compact(missing), ", "))
}

// What the rules, the dashboards and the runbook ask of Prometheus is there, with the labels that
// they ask for.
func TestWhatWatchersReadIsMeasured(t *testing.T) {
	has, all := observed{}, watchedProcesses(t)
	for _, p := range all {
		if p.Name == "credit" { // a shard's count of records begins with its first
			if status, text := send(t, "POST", p.URL()+"/v1/accounts", "", `{"currency":"EUR"}`); status != 201 {
				t.Fatalf("%d %s", status, text)
			}
		}
	}
	programtest.Eventually(t, "the consumers have begun", func() error {
		for _, p := range all {
			send(t, "GET", p.URL()+"/livez", "", "") // requests have a series for each route
			has.add(t, p)
		}
		return has.missing(t)
	})
	for _, name := range watchers {
		text := strings.ReplaceAll(textOf(t, name), `\"`, `"`)
		for _, matched := range metricMatched.FindAllStringSubmatch(text, -1) {
			for _, label := range metricLabel.FindAllStringSubmatch(matched[2], -1) {
				if has[matched[1]] != nil && !slices.Contains(has[matched[1]], label[1]) {
					t.Errorf("%s asks for the label %s of %s, which has %v", name, label[1], matched[1], has[matched[1]])
				}
			}
		}
	}
	for metric, why := range elsewhere {
		if has[metric] != nil {
			t.Errorf("%s is %s, and yet it is here", metric, why)
		}
	}
}

// rule is an alert, or a recording rule.
type rule struct {
	Alert       string            `yaml:"alert"`
	Record      string            `yaml:"record"`
	Expr        string            `yaml:"expr"`
	Labels      map[string]string `yaml:"labels"`
	Annotations map[string]string `yaml:"annotations"`
}

// rulesOf returns the rules of the repository's file for Prometheus.
func rulesOf(t *testing.T) (all []rule) {
	t.Helper()
	var file struct {
		Groups []struct {
			Rules []rule `yaml:"rules"`
		} `yaml:"groups"`
	}
	if err := yaml.Unmarshal([]byte(textOf(t, "deploy/prometheus/rules.yaml")), &file); err != nil {
		t.Fatal(err)
	}
	for _, group := range file.Groups {
		all = append(all, group.Rules...)
	}
	return all
}

// A person who is woken by an alert finds what it means, why it fires and what to run.
func TestEveryAlertHasItsSection(t *testing.T) {
	runbook, alerts := textOf(t, "docs/operations.md"), 0
	for _, r := range rulesOf(t) {
		if r.Alert == "" {
			continue
		}
		alerts++
		if want := "{{ $externalLabels.runbooks }}docs/operations.md#" + strings.ToLower(r.Alert); r.Annotations["runbook_url"] != want {
			t.Errorf("%s: runbook_url %q, not %q", r.Alert, r.Annotations["runbook_url"], want)
		}
		if s := r.Labels["severity"]; s != "page" && s != "ticket" {
			t.Errorf("%s: severity %q", r.Alert, s)
		}
		if r.Annotations["summary"] == "" || r.Annotations["description"] == "" {
			t.Errorf("%s has no summary or no description", r.Alert)
		}
		if !strings.Contains(runbook, "\n### "+r.Alert+"\n") {
			t.Errorf("docs/operations.md has no section %s", r.Alert)
		}
	}
	tests := textOf(t, "deploy/prometheus/rules_test.yaml")
	for _, r := range rulesOf(t) {
		if r.Alert != "" && !strings.Contains(tests, `exp_samples: [{labels: '{alertname="`+r.Alert+`",job="passbook"}', value: 1}]`) {
			t.Errorf("deploy/prometheus/rules_test.yaml does not test that %s fires", r.Alert)
		}
	}
	if sections := strings.Count(runbook, "\n### Passbook"); alerts == 0 || sections != alerts {
		t.Errorf("%d alerts, and docs/operations.md has %d sections of alerts", alerts, sections)
	}
}
