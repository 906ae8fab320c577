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
		p.figures = monitor.New(monitor.Config{ServiceOf: api.ServiceOf, Processes: p.watched, Now: time.Now})
		p.Go(UntilPublisher, "monitor", p.figures.Run)
	}
	return p.figures
}

// watched returns the processes whose metrics are read: this one.
func (p *Process) watched(context.Context) ([]monitor.Process, error) {
	return []monitor.Process{{
		Name: p.Name, Instance: p.instance(),
		Gather: func(context.Context) ([]*dto.MetricFamily, error) { return p.Registry.Gather() },
	}}, nil
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
