package web

import (
	"cmp"
	"context"
	"net/http"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"passbook/shared/access"
)

// checkTimeout bounds the checks of /readyz: balancers do not wait long.
const checkTimeout = 2 * time.Second

// Check is one thing that a process needs to do its work.
type Check struct {
	// Name is short and unique, for example journal.
	Name string
	// Problem is what a failed check answers with. It needs one unless it is Advisory;
	// package api supplies a default.
	Problem ProblemType
	// Ready returns nil, or why the process cannot do its work. It is called concurrently, under
	// the request's deadline.
	Ready func(ctx context.Context) error
	// Advisory says that the process does its work even when the check fails: only ?verbose shows
	// it.
	Advisory bool
}

// CheckResult is how a check ended: Cause says why it failed.
type CheckResult struct {
	Name  string `json:"name"`
	Ready bool   `json:"ready"`
	Cause string `json:"cause,omitempty"`
}

// processRoutes returns the routes that every process serves besides those of its service.
func (s *Server) processRoutes() []Route {
	metrics := promhttp.HandlerFor(s.config.Registry, promhttp.HandlerOpts{Registry: s.config.Registry})
	built := buildOf(s.config.Service, s.config.Version)
	return []Route{
		{Method: http.MethodGet, Path: "/livez", Kind: Probe, Open: true, AnyHost: true, Handler: func(c echo.Context) error {
			write(c, http.StatusOK, contentJSON, []byte(`{"status":"live"}`))
			return nil
		}},
		{Method: http.MethodGet, Path: "/readyz", Kind: Probe, Open: true, AnyHost: true, Handler: s.readyz},
		{Method: http.MethodGet, Path: "/metrics", Kind: Probe, Scopes: access.OpsRead, Handler: echo.WrapHandler(metrics)},
		{Method: http.MethodGet, Path: "/version", Kind: Probe, Open: true, Handler: func(c echo.Context) error {
			return ReplyJSON(c, http.StatusOK, built)
		}},
	}
}

// readyz runs all checks at once. With ?verbose the answer has the result of each, which say how
// the bank is built and are for operators.
func (s *Server) readyz(c echo.Context) error {
	if s.draining.Err() != nil {
		return Refuse(ShuttingDown)
	}
	_, verbose := c.QueryParams()["verbose"]
	verbose = verbose && access.From(c.Request().Context()).Scopes.Has(access.OpsRead)
	if s.config.LocalOnly && s.guard(c.Request()) != nil { // a page in a browser is answered as others are
		verbose = false
	}
	results := s.runChecks(c.Request().Context())
	failed := -1
	for i := range results {
		if !results[i].Ready && !s.config.Checks[i].Advisory && failed < 0 {
			failed = i
		}
	}
	if !verbose {
		results = nil
	}
	if failed >= 0 {
		p := Refuse(s.config.Checks[failed].Problem)
		p.Checks = results
		return p
	}
	return ReplyJSON(c, http.StatusOK, readiness{Status: "ready", Checks: results})
}

// readiness is the answer of a process that is ready.
type readiness struct {
	Status string        `json:"status"`
	Checks []CheckResult `json:"checks,omitempty"`
}

func (s *Server) runChecks(ctx context.Context) []CheckResult {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	results := make([]CheckResult, len(s.config.Checks))
	var running sync.WaitGroup
	for i, check := range s.config.Checks {
		running.Go(func() {
			results[i] = CheckResult{Name: check.Name, Ready: true}
			if err := check.Ready(ctx); err != nil {
				results[i].Ready, results[i].Cause = false, err.Error()
			}
		})
	}
	running.Wait()
	return results
}

func (j *JSON) checks(results []CheckResult) {
	if len(results) == 0 {
		return
	}
	j.BeginList("checks")
	for _, r := range results {
		j.Begin()
		j.String("name", r.Name)
		j.Bool("ready", r.Ready)
		j.OptString("cause", r.Cause)
		j.End()
	}
	j.EndList()
}

// build is what the process was built from.
type build struct {
	Service  string `json:"service"`
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Time     string `json:"time,omitempty"`
	Modified *bool  `json:"modified,omitempty"`
	Go       string `json:"go"`
}

// buildOf returns what the process was built from, as the toolchain stamped it.
func buildOf(service, version string) build {
	b := build{Service: service, Go: runtime.Version()}
	var settings []debug.BuildSetting
	if info, ok := debug.ReadBuildInfo(); ok {
		version, settings = cmp.Or(version, info.Main.Version), info.Settings
	}
	b.Version = cmp.Or(version, "(devel)")
	for _, setting := range settings {
		switch setting.Key {
		case "vcs.revision":
			b.Revision = setting.Value
		case "vcs.time":
			b.Time = setting.Value
		case "vcs.modified":
			modified := setting.Value == "true"
			b.Modified = &modified
		}
	}
	return b
}
