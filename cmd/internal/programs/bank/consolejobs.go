package bank

import (
	"context"
	"slices"
	"sync"

	"passbook/cmd/internal/ops"
	"passbook/shared/console"
	"passbook/shared/console/operations"
	"passbook/shared/console/view"
	"passbook/shared/web"
)

// pages returns what makes the console's pages, which start the jobs of a registry.
func pages(registry *ops.Registry) func(*view.Kit) []web.Route {
	return func(k *view.Kit) []web.Route {
		return slices.Concat(console.Routes(k), operations.Routes(k, newConsoleJobs(registry)))
	}
}

// consoleJobs are the jobs of this process, for the pages of the console. It remembers who asked
// for each of them; of jobs from the command line that is in the operators' log alone.
type consoleJobs struct {
	registry *ops.Registry

	mu    sync.Mutex
	asked map[string]operations.Order // by the id of a job that the registry remembers
}

// newConsoleJobs returns the jobs of a registry.
func newConsoleJobs(r *ops.Registry) *consoleJobs {
	return &consoleJobs{registry: r, asked: map[string]operations.Order{}}
}

// Start implements operations.Jobs.
func (c *consoleJobs) Start(_ context.Context, o operations.Order) (operations.Job, error) {
	if err := ops.CheckReason(o.Reason); err != nil {
		return operations.Job{}, err
	}
	job, err := c.registry.Start(ops.Request{Job: o.Job, Actor: o.Actor, Reason: o.Reason, Params: o.Params})
	if err != nil {
		return operations.Job{}, err
	}
	o.Params = nil // they are not shown again
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked[job.ID] = o
	c.forget()
	return c.shown(job), nil
}

// forget removes the orders of jobs that the registry does not remember.
func (c *consoleJobs) forget() {
	known := map[string]bool{}
	for _, job := range c.registry.List() {
		known[job.ID] = true
	}
	for id := range c.asked {
		if !known[id] {
			delete(c.asked, id)
		}
	}
}

// shown returns a job as the pages have it; the lock is held.
func (c *consoleJobs) shown(j ops.Job) operations.Job {
	o := c.asked[j.ID]
	return operations.Job{
		ID: j.ID, Name: j.Name, State: j.State, Actor: o.Actor, Tenant: o.Tenant, Dry: o.Dry, StartedAt: j.StartedAt, FinishedAt: j.FinishedAt, Progress: j.Progress,
		ExitCode: j.ExitCode, Error: j.Error, Result: j.Result,
	}
}

// Get implements operations.Jobs.
func (c *consoleJobs) Get(id string) (operations.Job, bool) {
	job, known := c.registry.Get(id)
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.shown(job), known
}

// Cancel implements operations.Jobs.
func (c *consoleJobs) Cancel(id string) (operations.Job, bool) {
	job, known := c.registry.Cancel(id)
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.shown(job), known
}

// List implements operations.Jobs.
func (c *consoleJobs) List() []operations.Job {
	jobs := c.registry.List()
	c.mu.Lock()
	defer c.mu.Unlock()
	list := make([]operations.Job, len(jobs))
	for i, job := range jobs {
		list[i] = c.shown(job)
	}
	return list
}
