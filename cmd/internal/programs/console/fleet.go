package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	dto "github.com/prometheus/client_model/go"

	"passbook/shared/api"
	"passbook/shared/console/client"
	"passbook/shared/discovery"
	"passbook/shared/monitor"
)

// services are the programs that the console calls.
var services = []string{"withdraw", "credit", "balance", "creditlimit", "archiver"}

// fleet is the processes of the services, as the console calls and watches them.
type fleet struct {
	directory *discovery.Directory
	host      string
	transport *client.Fleet
	scraper   *http.Client
}

// newFleet returns the fleet of a directory.
func newFleet(d *discovery.Directory) *fleet {
	f := &fleet{directory: d, scraper: &http.Client{
		Transport:     &http.Transport{MaxIdleConnsPerHost: 1, IdleConnTimeout: time.Minute},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	f.host, _ = os.Hostname() // without a name, addresses of the loopback interface are of no use
	f.transport = client.NewFleet(&client.Fleet{Services: api.ServicesOf, Processes: d.Of, Host: f.host})
	return f
}

// calls returns the transport of the console's calls.
func (f *fleet) calls(inside http.RoundTripper) http.RoundTripper {
	f.transport.Inside = inside
	return f.transport
}

// base returns the address at which a call is taken.
func (f *fleet) base(method, path string) string { return f.transport.Base(method, path) }

// watched returns the processes whose metrics are read.
func (f *fleet) watched(ctx context.Context) ([]monitor.Process, error) {
	list, err := f.directory.All(ctx)
	all := make([]monitor.Process, len(list))
	for i, p := range list {
		all[i] = monitor.Process{Name: p.Service, Instance: p.Instance, Address: p.API, Version: p.Version, Started: p.Started, Gather: f.gather(p)}
	}
	return all, err
}

// gather returns what reads the metrics of a process.
func (f *fleet) gather(p discovery.Process) func(ctx context.Context) ([]*dto.MetricFamily, error) {
	unread := func(err error) func(context.Context) ([]*dto.MetricFamily, error) {
		return func(context.Context) ([]*dto.MetricFamily, error) { return nil, err }
	}
	if p.Silent {
		return unread(fmt.Errorf("its row was not written for %v, or by a clock that differs by more than %v: it died, cannot reach the table control, or its clock is wrong", discovery.Silence, discovery.ClockMargin))
	}
	if p.Metrics == "" {
		return unread(errors.New("it has no listener for metrics: start it with --metrics-listen HOST:PORT"))
	}
	if err := p.Reachable(f.host, p.Metrics); err != nil {
		return unread(fmt.Errorf("%w: --metrics-listen HOST:PORT", err))
	}
	return monitor.Scrape(f.scraper, p.Metrics)
}

// ready returns which services have no process, or nil.
func (f *fleet) ready(ctx context.Context) error {
	var missing []string
	for _, service := range services {
		list, err := f.directory.Of(ctx, service)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			missing = append(missing, service)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("no process of %s runs", strings.Join(missing, ", "))
	}
	return nil
}
