package serve

import (
	"context"
	"os"
	"strconv"
	"time"

	dto "github.com/prometheus/client_model/go"

	"passbook/shared/api"
	"passbook/shared/monitor"
)

// Figures returns what the metrics of this process said in the last ten minutes. The first call has
// Run sample them.
func (p *Process) Figures() *monitor.Monitor {
	if p.figures == nil {
		p.figures = monitor.New(monitor.Config{ServiceOf: api.ServiceOf, Processes: p.all, Now: time.Now})
		p.Go(UntilPublisher, "monitor", p.figures.Run)
	}
	return p.figures
}

// Watch has Figures sample further processes, which others returns.
func (p *Process) Watch(others func(ctx context.Context) ([]monitor.Process, error)) {
	p.watched = others
}

// all returns the processes whose metrics are read: this one, and those of Watch.
func (p *Process) all(ctx context.Context) ([]monitor.Process, error) {
	list := []monitor.Process{{
		Name: p.Name, Instance: p.instance(), Version: p.Version, Started: p.began,
		Gather: func(context.Context) ([]*dto.MetricFamily, error) { return p.Registry.Gather() },
	}}
	if p.watched == nil {
		return list, nil
	}
	others, err := p.watched(ctx)
	return append(list, others...), err
}

// instance names this process among those of its program.
func (p *Process) instance() string {
	if p.Config.Instance != "" {
		return p.Config.Instance
	}
	pid := strconv.Itoa(os.Getpid())
	if host, err := os.Hostname(); err == nil {
		return host + "-" + pid
	}
	return p.Name + "-" + pid
}
