package operations

import (
	"cmp"
	"maps"
	"math/big"
	"slices"

	"passbook/shared/access"
	"passbook/shared/api"
	"passbook/shared/audit"
	"passbook/shared/console/client"
	"passbook/shared/console/view"
	"passbook/shared/money"
)

// auditPage is the newest audit and those before.
type auditPage struct {
	Last *Job
	*sums
	// Running are the audits that have not ended; Before are all of the operators' log.
	Running []Job
	Before  []api.OpsAction
	// Failure stands in the place of Before.
	Failure   *client.Problem
	May, Here bool
	Token     string
	// Tenant is the one whose accounts the person may audit, empty for all.
	Tenant string
}

// sums are the totals of a report in columns.
type sums struct {
	Report  *audit.Report
	Sources []string
	Rows    []sumRow
	// Findings are those that are shown of all.
	Findings []finding
}

// sumRow is a figure from each source.
type sumRow struct {
	Name   string
	Values []string
	// Equal says that all sources agree.
	Equal bool
}

// finding is a difference with what to do.
type finding struct {
	audit.Finding
	Do string
}

// auditsInLog is the path of the audits that the operators' log has.
const auditsInLog = "/v1/ops/log?job=audit&limit=50"

// maxShown bounds the findings of a page.
const maxShown = 200

// audit shows the newest audit that ended.
func (p *Pages) audit(r *view.Request) (view.Page, error) {
	data := auditPage{May: r.May(access.OpsWrite), Here: p.jobs != nil, Token: r.FormToken}
	if !r.AllTenants {
		data.Tenant = r.Tenant
	}
	for _, j := range p.visible(r, "audit") {
		if !j.Ended() {
			data.Running = append(data.Running, j)
		}
		if !j.Ended() || data.Last != nil {
			continue
		}
		if o := outcomeOf(r, j); o != nil && o.Report != nil {
			data.Last, data.sums = &j, columns(o.Report)
		}
	}
	var log api.OpsActionPage
	_, err := r.API.Get(r.Ctx(), auditsInLog, &log)
	data.Before, data.Failure = log.Actions, p.kit.Failed(r.Ctx(), err)
	return view.Page{Title: "Audit", Section: "Audit", Templates: templates, Name: "audit", Data: data, Source: auditsInLog}, nil
}

// sources are the columns, in order; others follow by name.
var sources = []string{"journal", "archive"}

// columns returns a report as columns.
func columns(report *audit.Report) *sums {
	s := &sums{Report: report}
	for _, name := range append(slices.Clone(sources), slices.Sorted(maps.Keys(report.Totals))...) {
		if _, has := report.Totals[name]; has && !slices.Contains(s.Sources, name) {
			s.Sources = append(s.Sources, name)
		}
	}
	row := func(name string, value func(audit.Total) string) {
		values := make([]string, len(s.Sources))
		equal := true
		for i, source := range s.Sources {
			values[i] = value(report.Totals[source])
			equal = equal && (values[i] == "–" || values[i] == values[0])
		}
		s.Rows = append(s.Rows, sumRow{name, values, equal})
	}
	row("Accounts", func(t audit.Total) string { return view.Count(t.Accounts) })
	row("Entries", func(t audit.Total) string {
		if t.Entries == 0 { // a read model has no entries
			return "–"
		}
		return view.Count(t.Entries)
	})
	row("Events", func(t audit.Total) string { return view.Count(t.Events) })
	currencies := map[string]bool{}
	for _, t := range report.Totals {
		for c := range t.Posted {
			currencies[c] = true
		}
	}
	for _, currency := range slices.Sorted(maps.Keys(currencies)) {
		row("Posted, "+currency, func(t audit.Total) string {
			if t.Posted[currency] == nil {
				return view.Amount(0, currency)
			}
			return sumText(&t.Posted[currency].Int, currency)
		})
	}
	for _, f := range report.Findings[:min(len(report.Findings), maxShown)] {
		if f.Expected != "" || f.Found != "" { // one of the two may be that there is nothing
			f.Expected, f.Found = cmp.Or(f.Expected, "nothing"), cmp.Or(f.Found, "nothing")
		}
		s.Findings = append(s.Findings, finding{f, f.Advice.For(f.Account)})
	}
	return s
}

// sumText returns a sum for people, which may be larger than one account's.
func sumText(sum *big.Int, currency string) string {
	if sum.IsInt64() {
		return view.Amount(sum.Int64(), currency)
	}
	exponent, _ := money.Exponent(currency)
	unit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(exponent)), nil)
	return new(big.Rat).SetFrac(sum, unit).FloatString(exponent)
}
