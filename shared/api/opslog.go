package api

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/labstack/echo/v4"

	"passbook/shared/access"
	"passbook/shared/opslog"
	"passbook/shared/table"
	"passbook/shared/web"
)

// OpsLog serves the operators' log.
type OpsLog struct{ Table table.Table }

// maxJob bounds the name of a job.
const maxJob = 32

// OpsActionPage is a page of the operators' log, newest first.
type OpsActionPage struct {
	Actions []OpsAction `json:"actions"`
	Page
}

// Route returns the route that serves it. A principal sees what was done about its tenant, and one
// for all tenants sees everything.
func (l OpsLog) Route() web.Route {
	return web.Route{Method: http.MethodGet, Path: "/v1/ops/log", Scopes: access.OpsRead, Handler: func(c echo.Context) error {
		ctx := c.Request().Context()
		tenant := access.From(ctx).Tenant
		if access.From(ctx).AllTenants {
			tenant = ""
		}
		q := web.ParseQuery(c)
		p := opslog.Page{Tenant: tenant, Job: q.String("job", maxJob), Limit: q.Limit()}
		query := "ops-log\n" + tenant // another principal's cursor is refused
		if p.Job != "" {
			query += "\n" + p.Job
		}
		p.Before = q.Cursor(query)
		if err := q.Problem(); err != nil {
			return err
		}
		page, err := l.read(ctx, p, query, c)
		if err != nil {
			return Unavailable(err)
		}
		return web.ReplyJSON(c, http.StatusOK, page)
	}}
}

// read reads a page; query is what its cursor is bound to.
func (l OpsLog) read(ctx context.Context, p opslog.Page, query string, c echo.Context) (answer OpsActionPage, err error) {
	actions, next, err := opslog.List(ctx, l.Table, p)
	if err != nil {
		return answer, err
	}
	answer.Actions = make([]OpsAction, len(actions))
	for i, a := range actions {
		answer.Actions[i] = NewOpsAction(a)
	}
	if next != "" {
		next = web.EncodeCursor(query, next)
	}
	answer.Page = NextPage(c, next)
	return answer, nil
}

// OpsAction is what somebody had done to the bank, as an answer has it.
type OpsAction struct {
	ID     string `json:"id"`
	At     Time   `json:"at"`
	Job    string `json:"job"`
	Actor  string `json:"actor"`
	Tenant string `json:"tenant,omitempty"`
	Reason string `json:"reason,omitempty"`
	// Parameters are the job's, as text where they are no JSON any more because they were too long.
	Parameters json.RawMessage `json:"parameters,omitempty"`
	// State is begun, done, failed or cancelled; the others say how it ended.
	State    string `json:"state"`
	EndedAt  Time   `json:"ended_at,omitzero"`
	ExitCode *int64 `json:"exit_code,omitempty"`
	Error    string `json:"error,omitempty"`
}

// NewOpsAction returns an action as an answer has it.
func NewOpsAction(a opslog.Action) OpsAction {
	answer := OpsAction{
		ID: a.ID, At: Time{Time: a.At}, Job: a.Job, Actor: a.Actor, Tenant: a.Tenant, Reason: a.Reason, Parameters: json.RawMessage(a.Params),
		State: a.State, EndedAt: Time{Time: a.EndedAt}, Error: a.Error,
	}
	if a.State != opslog.Begun {
		answer.ExitCode = &a.ExitCode
	}
	if a.Params != "" && !json.Valid(answer.Parameters) {
		answer.Parameters, _ = json.Marshal(a.Params) // a string always has a JSON form
	}
	return answer
}
