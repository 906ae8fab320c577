package api

import (
	"errors"
	"net/http"
	"slices"
	"sync/atomic"

	"passbook/shared/api/backlog"
	"passbook/shared/api/lines"
	"passbook/shared/journal"
	"passbook/shared/journal/dryrun"
	"passbook/shared/web"
)

// Config configures a Server.
type Config struct {
	// Web configures the HTTP server. Its ProblemOf is set here; its Checks without a problem type
	// answer with JournalUnavailable.
	Web web.Config
	// OneOfSeveral says that this process is one of several services: a route of another is refused
	// with that service's name.
	OneOfSeveral bool
	// Forwarder sends commands to the writers that their accounts belong to; nil decides all of
	// them here.
	Forwarder Forwarder
}

// Server is a web.Server that serves the contract, and the commands of services.
type Server struct {
	*web.Server
	config Config
	// shed counts commands that were admitted and found the journal's queues full.
	shed atomic.Int64
	// backlog is how many bytes of compressed results callers of bulk have not read yet, at most
	// maxBacklog.
	backlog    atomic.Int64
	maxBacklog int64
	windows    lines.Windows // of requests to bulk
	// dryRuns is the memory of the dry runs in bulk.
	dryRuns dryrun.Memory
}

// New makes a server that serves the process routes of web.New, openapi.json and .yaml,
// asyncapi.json and the schemas.
func New(c Config) *Server {
	s := &Server{config: c, maxBacklog: backlog.DefaultMost}
	c.Web.ProblemOf = s.problemOf
	c.Web.Checks = slices.Clone(c.Web.Checks)
	for i := range c.Web.Checks {
		if check := &c.Web.Checks[i]; check.Problem.Code == "" {
			check.Problem = JournalUnavailable
		}
	}
	s.Server = web.New(c.Web)
	web.CountShed(c.Web.Registry, "journal", s.shed.Load)
	s.Mount(contractRoutes(s.Server)...)
	s.Mount(streamRoutes()...)
	return s
}

// problemOf returns the problem that stands for the error of a request's handler. It counts the
// refusals of the journal's queues.
func (s *Server) problemOf(r *http.Request, err error) *web.Problem {
	if errors.Is(err, journal.ErrOverloaded) {
		s.shed.Add(1)
	}
	problem := problemOf(err)
	if problem.Code == web.RouteNotFound.Code || problem.Code == web.MethodNotAllowed.Code {
		return s.nameService(problem, r)
	}
	return problem
}
