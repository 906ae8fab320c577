package operations

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"passbook/shared/audit"
	"passbook/shared/console/view"
)

// states are the states of all accounts at a time, as a job returns them.
type states struct {
	Time     string                `json:"time"`
	Reaches  string                `json:"reaches"`
	Unproven int                   `json:"unproven_shards"`
	Accounts int64                 `json:"accounts"`
	Posted   map[string]*audit.Sum `json:"posted"`
	Held     map[string]*audit.Sum `json:"held"`
	List     []pastState           `json:"list"`
	Faults   faults                `json:"faults"`
	// File leads to the accounts as a file, empty for a person who may not have it.
	File string `json:"-"`
}

// pastState is the state of an account at some time.
type pastState struct {
	Tenant    string `json:"tenant"`
	AccountID string `json:"account_id"`
	Currency  string `json:"currency"`
	Status    string `json:"status"`
	Posted    int64  `json:"posted"`
	Held      int64  `json:"held"`
	Limit     int64  `json:"limit"`
	Available int64  `json:"available"`
	Version   int64  `json:"version"`
	AsOf      string `json:"as_of"`
}

// sumOf is the sum of the accounts of a currency.
type sumOf struct{ Currency, Posted, Held string }

// Sums returns the sums by currency.
func (s *states) Sums() (list []sumOf) {
	for _, currency := range slices.Sorted(maps.Keys(s.Posted)) {
		one := sumOf{Currency: currency, Posted: sumText(&s.Posted[currency].Int, currency), Held: "–"}
		if held := s.Held[currency]; held != nil {
			one.Held = sumText(&held.Int, currency)
		}
		list = append(list, one)
	}
	return list
}

// Missing counts the accounts that are added up and not listed.
func (s *states) Missing() int64 { return s.Accounts - int64(len(s.List)) }

// statesOf returns the states that a job returned as a person may see them: those of the person's
// own tenant. It returns nil for other jobs and other tenants.
func statesOf(r *view.Request, j Job) *states {
	if j.Name != "states" || j.Tenant == "" || j.Tenant != r.Tenant || !r.May(actions["states"].Scopes&^actions["audit"].Scopes) {
		return nil
	}
	s := new(states)
	if len(j.Result) == 0 || json.Unmarshal(j.Result, s) != nil {
		return nil
	}
	s.File = "/ui/jobs/" + j.ID + "/states.csv"
	return s
}

// statesFile answers the accounts of a job as a file, with amounts in minor units.
func (p *Pages) statesFile(r *view.Request) (view.Page, error) {
	job, known := p.jobs.Get(r.Param("job"))
	if !known || !sees(r, job) {
		return view.Page{Title: "Job"}, echo.NewHTTPError(http.StatusNotFound)
	}
	s := statesOf(r, job)
	if s == nil {
		return view.Page{Title: "Job"}, echo.NewHTTPError(http.StatusNotFound)
	}
	var file bytes.Buffer
	w := csv.NewWriter(&file)
	lines := [][]string{{"tenant", "account_id", "currency", "status", "version", "posted", "held", "limit", "available", "as_of"}}
	for _, a := range s.List {
		line := []string{a.Tenant, a.AccountID, a.Currency, a.Status}
		for _, n := range []int64{a.Version, a.Posted, a.Held, a.Limit, a.Available} {
			line = append(line, strconv.FormatInt(n, 10))
		}
		lines = append(lines, append(line, a.AsOf))
	}
	if err := w.WriteAll(lines); err != nil {
		return view.Page{}, fmt.Errorf("write the accounts: %w", err)
	}
	name := "accounts-" + strings.NewReplacer(":", "", "/", "").Replace(s.Time) + ".csv"
	r.Response().Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
	return view.Page{}, r.Blob(http.StatusOK, "text/csv; charset=utf-8", file.Bytes())
}
