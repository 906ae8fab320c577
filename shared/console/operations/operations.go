package operations

import (
	"context"
	"embed"
	"encoding/json"
	"slices"
	"time"

	"passbook/shared/access"
	"passbook/shared/console/view"
	"passbook/shared/progress"
	"passbook/shared/web"
)

//go:embed templates
var files embed.FS

var templates = view.ParseWith(functions, files, "templates/*.html")

// Job is the state of a job.
type Job struct {
	ID, Name string
	// State is running, done, failed or cancelled.
	State string
	// Actor is who started it, empty where that is not known here. Tenant is the one that it is
	// about, empty for all.
	Actor, Tenant string
	// Dry says that it is a dry run.
	Dry        bool
	StartedAt  time.Time
	FinishedAt *time.Time
	Progress   progress.Snapshot
	// ExitCode is that of the job's program: 3 says that a difference was found.
	ExitCode *int
	Error    string
	// Result is what the job returned; there may be one beside an error.
	Result json.RawMessage
}

// Ended reports whether the job will not change any more.
func (j Job) Ended() bool { return j.State != "running" }

// Different reports whether the job compared things and found a difference.
func (j Job) Different() bool { return j.ExitCode != nil && *j.ExitCode == exitDifference }

// exitDifference is the exit code of a job that found a difference.
const exitDifference = 3

// Order asks for a job.
type Order struct {
	Job           string
	Actor, Reason string
	// Tenant is the one that it is about, empty for all.
	Tenant string
	Dry    bool
	Params json.RawMessage
}

// Jobs are the jobs of a process. Who may ask for one is decided before.
type Jobs interface {
	// Start starts a job. Its errors are for people: the parameters are wrong, or a job of the name
	// runs already.
	Start(ctx context.Context, o Order) (Job, error)
	// Get returns a job, and Cancel asks it to stop; false if there is none of the id.
	Get(id string) (Job, bool)
	Cancel(id string) (Job, bool)
	// List returns the jobs that are remembered, newest last.
	List() []Job
}

// Pages makes the pages. Its jobs are nil in a process that runs none.
type Pages struct {
	kit  *view.Kit
	jobs Jobs
}

// Routes returns the routes of the pages. With nil jobs the pages show commands to type.
func Routes(k *view.Kit, jobs Jobs) []web.Route {
	p := &Pages{kit: k, jobs: jobs}
	routes := []web.Route{
		k.Get("/ui/archive", access.OpsRead, p.archive), k.Get("/ui/archive/download", access.OpsRead|access.PIIRead, p.download),
		k.Get("/ui/replay", access.OpsRead, p.replay), k.Get("/ui/audit", access.OpsRead, p.audit),
		k.Get("/ui/quarantine", access.OpsRead, p.quarantine), k.Get("/ui/operators", access.OpsRead, p.operators),
		k.Get("/ui/attention", access.OpsRead, p.attention), k.Get("/ui/keys/new", access.KeysWrite, p.keyForm),
	}
	if jobs == nil {
		return routes
	}
	return slices.Concat(routes, []web.Route{
		k.Get("/ui/jobs/{job}", access.OpsRead, p.job), k.Get("/ui/jobs/{job}/states.csv", access.OpsRead|access.AccountsRead, p.statesFile),
		k.Post("/ui/jobs/{job}/cancel", access.OpsWrite, p.cancel),
		k.Post("/ui/jobs/check", 0, p.check), k.Post("/ui/jobs", 0, p.start),
	})
}

// sees reports whether a job is shown to a person: one about a single tenant to that tenant's
// operators, all to those of all tenants, and to each his own.
func sees(r *view.Request, j Job) bool {
	return r.AllTenants || j.Tenant != "" && j.Tenant == r.Tenant || j.Actor != "" && j.Actor == r.Actor
}

// visible returns the jobs of some names that a person is shown, newest first; all without names.
func (p *Pages) visible(r *view.Request, names ...string) (list []Job) {
	if p.jobs == nil {
		return nil
	}
	for _, j := range slices.Backward(p.jobs.List()) {
		if sees(r, j) && (len(names) == 0 || slices.Contains(names, j.Name)) {
			list = append(list, j)
		}
	}
	return list
}
