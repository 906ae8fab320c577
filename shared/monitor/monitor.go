package monitor

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	dto "github.com/prometheus/client_model/go"
)

const (
	// Every is the time between two samples; paceSamples of them make the rate of now.
	Every       = 2 * time.Second
	paceSamples = 5
	// maxFigures bounds the figures that are kept; further ones are not.
	maxFigures = 1024
	// maxProcesses bounds the processes that are read.
	maxProcesses = 64
	// kept is how long a process is named after it was last read.
	kept = Bins * Bin
)

// Process is a process whose metrics are read.
type Process struct {
	// Name is the program's, Instance what distinguishes it from others of the program. Address is
	// where its API is, empty for this process. Version is its program's, Started when it began.
	Name, Instance, Address, Version string
	Started                          time.Time
	// Gather reads its metrics.
	Gather func(ctx context.Context) ([]*dto.MetricFamily, error)
}

// Config configures a Monitor. All is required.
type Config struct {
	// ServiceOf returns the service whose work a request to a route of a process is, empty for
	// none, and whether it is a command.
	ServiceOf func(process, method, route string) (service string, command bool)
	// Processes returns the processes to read.
	Processes func(ctx context.Context) ([]Process, error)
	// Now is the clock.
	Now func() time.Time
}

// Failure is the last failure of something.
type Failure struct {
	What string
	At   time.Time
}

// State is how a process is.
type State struct {
	Name, Instance, Address, Version string
	Started                          time.Time
	// Up says that its metrics could be read at the last sample; Error says why not.
	Up    bool
	Error string
	// Ended says that it is no longer among the processes to read.
	Ended bool
	// Seen is when they were last read.
	Seen     time.Time
	Resident float64
}

// watched is a process with what it said last.
type watched struct {
	state State
	last  *reading
	at    time.Time
}

// Monitor has the figures. It may be used concurrently.
type Monitor struct {
	config Config

	mu        sync.Mutex
	processes map[string]*watched
	rings     map[Figure]*ring
	paces     map[Figure]*pace
	spreads   map[Figure]*spread
	failures  map[Figure]Failure
	trouble   error // of the list of processes
	sampled   time.Time
}

// New makes a monitor, which has no figures before its second sample.
func New(c Config) *Monitor {
	return &Monitor{
		config: c, processes: map[string]*watched{}, rings: map[Figure]*ring{}, paces: map[Figure]*pace{},
		spreads: map[Figure]*spread{}, failures: map[Figure]Failure{},
	}
}

// Run samples until ctx ends.
func (m *Monitor) Run(ctx context.Context) error {
	ticks := time.NewTicker(Every)
	defer ticks.Stop()
	for {
		m.Sample(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-ticks.C:
		}
	}
}

// Sample reads every process once. What cannot be read is unknown, and its process says why.
func (m *Monitor) Sample(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, Every)
	defer cancel()
	list, err := m.config.Processes(ctx)
	list = list[:min(len(list), maxProcesses)]
	said := make([]*reading, len(list))
	errs := make([]error, len(list))
	var wg sync.WaitGroup
	for i, p := range list {
		wg.Go(func() {
			families, err := p.Gather(ctx)
			if err != nil {
				errs[i] = fmt.Errorf("read the metrics of %s %s: %w", p.Name, p.Instance, err)
				return
			}
			r := m.read(p.Name, families)
			said[i] = &r
		})
	}
	wg.Wait()

	now := m.config.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.trouble = err
	rose := newIncrements(now.Sub(m.sampled))
	if m.sampled.IsZero() {
		rose.took = 0
	}
	for i, p := range list {
		m.note(p, said[i], errs[i], now, rose)
	}
	if err == nil {
		m.forget(list, now)
	}
	m.apply(rose, now)
	m.sampled = now
}

// note notes what a process said, and adds by how much its counts rose. The caller has the lock.
func (m *Monitor) note(p Process, said *reading, err error, now time.Time, rose *increments) {
	key := p.Name + " " + p.Instance
	w := m.processes[key]
	if w == nil {
		w = &watched{}
		m.processes[key] = w
	}
	w.state.Ended = false
	w.state.Name, w.state.Instance, w.state.Address, w.state.Version, w.state.Started = p.Name, p.Instance, p.Address, p.Version, p.Started
	if err != nil {
		w.state.Up, w.state.Error = false, err.Error()
		return
	}
	w.state.Up, w.state.Error, w.state.Seen, w.state.Resident = true, "", now, said.gauges[Figure{Resident, ""}]
	if w.last != nil {
		rose.add(*said, *w.last)
	}
	w.last, w.at = said, now
}

// forget drops processes that are not listed any more, once they are old. The caller has the lock.
func (m *Monitor) forget(list []Process, now time.Time) {
	for key, w := range m.processes {
		listed := slices.ContainsFunc(list, func(p Process) bool { return p.Name+" "+p.Instance == key })
		if listed {
			continue
		}
		w.state.Up, w.state.Ended, w.state.Error = false, true, "it has ended"
		if now.Sub(w.state.Seen) > kept {
			delete(m.processes, key)
		}
	}
}

// apply adds increments to the figures. The caller has the lock.
func (m *Monitor) apply(rose *increments, now time.Time) {
	if rose.took <= 0 {
		return
	}
	bin := binOf(now)
	for of, by := range rose.counters {
		if m.rings[of] == nil {
			if len(m.rings) >= maxFigures {
				continue
			}
			m.rings[of], m.paces[of] = &ring{}, &pace{}
		}
		m.rings[of].add(bin, by)
	}
	for of, p := range m.paces { // a figure without an increment did not rise
		p.add(rose.took, rose.counters[of])
	}
	for of, by := range rose.buckets {
		if m.spreads[of] == nil {
			if len(m.spreads) >= maxFigures {
				continue
			}
			m.spreads[of] = &spread{}
		}
		m.spreads[of].add(bin, by)
	}
	for of, what := range rose.failures {
		if len(m.failures) < maxFigures {
			m.failures[of] = Failure{What: what, At: now}
		}
	}
}

func binOf(at time.Time) int64 { return at.Unix() / int64(Bin/time.Second) }
