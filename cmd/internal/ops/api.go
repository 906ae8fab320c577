package ops

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"

	"github.com/labstack/echo/v4"

	"passbook/shared/access"
	"passbook/shared/account"
	"passbook/shared/api"
	"passbook/shared/web"
)

// Routes returns the routes of the registry. Mount them only on a server that listens on loopback.
func (r *Registry) Routes() []web.Route {
	routes := []web.Route{
		{Method: http.MethodPost, Path: "/ops/jobs", Scopes: access.OpsWrite, Handler: r.start},
		{Method: http.MethodGet, Path: "/ops/jobs", Scopes: access.OpsRead, Handler: r.list},
		{Method: http.MethodGet, Path: "/ops/jobs/{job_id}", Scopes: access.OpsRead, Handler: r.get},
		{Method: http.MethodDelete, Path: "/ops/jobs/{job_id}", Scopes: access.OpsWrite, Handler: r.stop},
	}
	for i := range routes {
		routes[i].Handler = local(routes[i].Handler)
	}
	return routes
}

// local refuses requests to a host that is not loopback: a page in a browser can resolve its own
// name to this machine, but cannot change the Host header that the browser sends.
func local(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if !Local(c.Request()) {
			return web.Refuse(web.RouteNotFound)
		}
		return next(c)
	}
}

// Local reports whether a request was sent to a loopback host. Everything else that is served
// beside the jobs checks the same.
func Local(r *http.Request) bool {
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = r.Host
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (r *Registry) start(c echo.Context) error {
	body, problem := web.ReadBody(nil, c.Request())
	if problem != nil {
		return problem
	}
	name, params, err := parseRequest(body)
	if err != nil {
		return err
	}
	job, err := r.Start(name, params)
	switch {
	case errors.Is(err, ErrUnknown):
		return web.Invalid("job", account.FieldNotOneOf)
	case errors.Is(err, ErrRunning):
		return web.Refuse(api.JobRunning)
	case errors.Is(err, ErrParams):
		p := web.Refuse(web.ValidationFailed)
		p.Members = append(p.Members, web.Member{Name: "cause", Value: err.Error()})
		return p
	case errors.Is(err, ErrClosed):
		return web.Refuse(web.ShuttingDown)
	case err != nil:
		return err
	}
	c.Response().Header().Set("Location", "/ops/jobs/"+job.ID)
	return reply(c, http.StatusAccepted, job)
}

// parseRequest returns the job's name and its parameters, which may be nested and which the job
// parses.
func parseRequest(body []byte) (name string, params json.RawMessage, err error) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	var members map[string]json.RawMessage
	if err := decoder.Decode(&members); err != nil || members == nil {
		return "", nil, web.Refuse(web.MalformedRequest)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return "", nil, web.Refuse(web.MalformedRequest)
	}
	text, ok := members["job"]
	if !ok {
		return "", nil, web.Invalid("job", account.FieldRequired)
	}
	if json.Unmarshal(text, &name) != nil || name == "" {
		return "", nil, web.Invalid("job", web.FieldWrongType)
	}
	delete(members, "job")
	if params, err = json.Marshal(members); err != nil {
		return "", nil, fmt.Errorf("read job and parameters: %w", err)
	}
	return name, params, nil
}

func (r *Registry) list(c echo.Context) error {
	return reply(c, http.StatusOK, map[string][]Job{"jobs": r.List()})
}

func (r *Registry) get(c echo.Context) error {
	job, ok := r.Get(c.Param("job_id"))
	if !ok {
		return web.Refuse(api.JobNotFound)
	}
	return reply(c, http.StatusOK, job)
}

func (r *Registry) stop(c echo.Context) error {
	job, ok := r.Cancel(c.Param("job_id"))
	if !ok {
		return web.Refuse(api.JobNotFound)
	}
	return reply(c, http.StatusAccepted, job)
}

func reply(c echo.Context, status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode a job: %w", err)
	}
	web.Reply(c, status, body)
	return nil
}
