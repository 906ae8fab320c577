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
)

// checkTimeout bounds the checks of /readyz: who asks, does not wait long.
const checkTimeout = 2 * time.Second

// Check is one thing that a process needs in order to do its work.
type Check struct {
	// Name is short and unique: journal, balance.
	Name string
	// Problem is what a failed check answers with. It needs one unless it is Advisory.
	Problem ProblemType
	// Ready returns nil, or why not. It is called concurrently, under the request's deadline.
	Ready func(ctx context.Context) error
	// Advisory says that the process does its work all the same: only ?verbose tells of the check.
	Advisory bool
}

// CheckResult is what a check said.
type CheckResult struct {
	Name  string
	Ready bool
	Cause string
}

// processRoutes are what every service serves besides its own.
func (s *Server) processRoutes() []Route {
	metrics := promhttp.HandlerFor(s.config.Registry, promhttp.HandlerOpts{Registry: s.config.Registry})
	build := buildInfo(s.config.Service, s.config.Version)
	return []Route{
		{Method: http.MethodGet, Path: "/livez", Kind: Probe, Handler: func(c echo.Context) error {
			write(c, http.StatusOK, contentJSON, []byte(`{"status":"live"}`))
			return nil
		}},
		{Method: http.MethodGet, Path: "/readyz", Kind: Probe, Handler: s.readyz},
		{Method: http.MethodGet, Path: "/metrics", Kind: Probe, Handler: echo.WrapHandler(metrics)},
		{Method: http.MethodGet, Path: "/version", Kind: Probe, Handler: func(c echo.Context) error {
			write(c, http.StatusOK, contentJSON, build)
			return nil
		}},
	}
}

// readyz asks every check at once. With ?verbose it tells what each said.
func (s *Server) readyz(c echo.Context) error {
	if s.draining.Err() != nil {
		return Refuse(ShuttingDown)
	}
	results := s.runChecks(c.Request().Context())
	failed := -1
	for i := range results {
		if !results[i].Ready && !s.config.Checks[i].Advisory && failed < 0 {
			failed = i
		}
	}
	_, verbose := c.QueryParams()["verbose"]
	if !verbose {
		results = nil
	}
	if failed >= 0 {
		p := Refuse(s.config.Checks[failed].Problem)
		p.Checks = results
		return p
	}
	var j JSON
	j.Begin()
	j.String("status", "ready")
	j.checks(results)
	j.End()
	write(c, http.StatusOK, contentJSON, j)
	return nil
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

// buildInfo renders what the process was built from, as the toolchain stamped it.
func buildInfo(service, version string) []byte {
	var j JSON
	j.Begin()
	j.String("service", service)
	var settings []debug.BuildSetting
	if info, ok := debug.ReadBuildInfo(); ok {
		version, settings = cmp.Or(version, info.Main.Version), info.Settings
	}
	version = cmp.Or(version, "(devel)")
	j.String("version", version)
	for _, setting := range settings {
		switch setting.Key {
		case "vcs.revision":
			j.String("revision", setting.Value)
		case "vcs.time":
			j.String("time", setting.Value)
		case "vcs.modified":
			j.Bool("modified", setting.Value == "true")
		}
	}
	j.String("go", runtime.Version())
	j.End()
	return j
}
