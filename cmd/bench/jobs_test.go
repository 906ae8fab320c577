package main

import (
	"strings"
	"testing"
	"time"
)

// TestJobTargets counts the targets that are missed when one figure is changed.
func TestJobTargets(t *testing.T) {
	const rebuild = "replay rebuild --model balance --yes"
	for name, c := range map[string]struct {
		change func(small, large outcome)
		missed string
	}{
		"none":                {func(_, _ outcome) {}, ""},
		"slower than DuckDB":  {func(_, large outcome) { large.jobs[rebuild] = cost{wall: 9 * time.Second, beside: second} }, "balance"},
		"memory":              {func(_, large outcome) { large.jobs[rebuild] = cost{wall: time.Second, peak: 600e6, beside: second} }, "memory"},
		"no DuckDB":           {func(_, large outcome) { large.jobs[rebuild] = cost{wall: time.Hour} }, ""},
		"less than linear":    {func(small, _ outcome) { small.jobs["audit stores"] = cost{wall: time.Minute} }, ""},
		"more than linear":    {func(small, _ outcome) { small.jobs["audit stores"] = cost{wall: time.Millisecond} }, "audit stores"},
		"coverage":            {func(_, large outcome) { large.jobs["audit coverage"] = cost{wall: 61 * time.Second} }, "coverage"},
		"journal, not linear": {func(_, large outcome) { large.jobs["replay journal --yes"] = cost{wall: 12 * time.Second} }, "journal"},
	} {
		small, large := outcome{made: halfAMillion, jobs: map[string]cost{}}, outcome{made: halfAMillion, jobs: map[string]cost{}}
		for _, job := range allJobs() {
			small.jobs[job], large.jobs[job] = cost{wall: time.Second}, cost{wall: 3 * time.Second, beside: second}
		}
		c.change(small, large)
		r := jobTargets(small, large)
		var missed []string
		for what, m := range r.measures {
			if !m.met() {
				missed = append(missed, what)
			}
		}
		if c.missed == "" && len(missed) > 0 || c.missed != "" && (len(missed) != 1 || !strings.Contains(missed[0], c.missed)) {
			t.Errorf("%s: missed %q", name, missed)
		}
	}
}

var (
	second       = duckDB{balance: time.Second, state: time.Second}
	halfAMillion = made{Events: 500_000, Sealing: time.Second}
)
