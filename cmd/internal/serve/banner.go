package serve

import (
	"fmt"
	"io"
	"net"

	"passbook/shared/platform"
)

// URL returns where a browser on this machine finds the API: the loopback address if it listens on
// all addresses.
func (p *Process) URL() string {
	scheme := p.scheme()
	host, port, err := net.SplitHostPort(p.Address())
	if ip := net.ParseIP(host); err == nil && ip != nil && ip.IsUnspecified() {
		return scheme + net.JoinHostPort("127.0.0.1", port)
	}
	return scheme + p.Address()
}

// scheme returns how a URL of the API begins.
func (p *Process) scheme() string {
	if p.certificate != nil {
		return "https://"
	}
	return "http://"
}

// Announce writes where the process listens and which stores it uses: for a person, or as a line of
// a log that programs read.
func (p *Process) Announce(out io.Writer) {
	if p.LogsJSON() {
		p.Log.Info("listens", "program", p.Name, "api", p.URL(), "access", p.accessMode(), "jobs", address(p.jobs), "metrics", address(p.metrics), "stores", p.Engine.Descriptions)
		return
	}
	fmt.Fprintf(out, "Passbook's %s listens.\n\n  API       %s\n", p.Name, p.URL())
	fmt.Fprintf(out, "  access    %s\n", p.accessMode())
	if p.jobs != nil {
		fmt.Fprintf(out, "  jobs      http://%s\n", p.jobs)
	}
	if p.metrics != nil {
		fmt.Fprintf(out, "  metrics   http://%s/metrics\n", p.metrics)
	}
	for _, store := range p.Engine.Descriptions {
		fmt.Fprintf(out, "  %s\n", store)
	}
	fmt.Fprintln(out)
}

// LogsJSON reports whether programs read what the process says.
func (p *Process) LogsJSON() bool { return p.Config.LogFormat == platform.LogJSON }

// address returns a listener's address, empty without one.
func address(of net.Addr) string {
	if of == nil {
		return ""
	}
	return of.String()
}

// AnnounceJobs adds the address of the listener for jobs to what Announce writes.
func (p *Process) AnnounceJobs(at net.Addr) { p.jobs = at }
