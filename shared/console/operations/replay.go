package operations

import (
	"time"

	"passbook/shared/access"
	"passbook/shared/console/client"
	"passbook/shared/console/view"
	"passbook/shared/opsread"
)

// replayPage is the generations of the read models, and the jobs on them.
type replayPage struct {
	opsread.Generations
	Failure *client.Problem
	Jobs    []Job
	// May says that the person may start jobs here; Here, that the process runs them.
	May, Here bool
	Token     string
	// MayStates says that the person may have the states of all accounts of Tenant folded here.
	MayStates bool
	Tenant    string
	// Time is a time in the past; AtCommand prints the states of all accounts then.
	Time, AtCommand, AtFault string
}

// replay shows the generations.
func (p *Pages) replay(r *view.Request) (view.Page, error) {
	data := replayPage{Jobs: p.visible(r, "rebuild", "promote", "discard", "states"), May: r.May(access.OpsWrite) && r.AllTenants, Here: p.jobs != nil, Token: r.FormToken, Time: r.QueryParam("time")}
	data.MayStates, data.Tenant = data.Here && r.May(actions["states"].Scopes), r.Tenant
	_, err := r.API.Get(r.Ctx(), "/v1/ops/generations", &data.Generations)
	data.Failure = p.kit.Failed(r.Ctx(), err)
	if data.Time != "" {
		if _, err := time.Parse(time.RFC3339, data.Time); err != nil {
			data.AtFault = "A time is like 2026-11-30T08:00:00Z."
		} else {
			data.AtCommand = "replay at --time " + data.Time
		}
	}
	return view.Page{Title: "Replay", Section: "Replay", Templates: templates, Name: "replay", Data: data, Source: "/v1/ops/generations"}, nil
}
