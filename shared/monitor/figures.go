package monitor

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// Rate returns how much a figure rises a second, over the last samples, and whether it is known.
func (m *Monitor) Rate(of Figure) (float64, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.paces[of] == nil {
		return 0, false
	}
	return m.paces[of].rate()
}

// History returns by how much a figure rose in each bin before the present one, oldest first; nil
// where it is not known.
func (m *Monitor) History(of Figure) []*float64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.rings[of] == nil {
		return make([]*float64, Bins)
	}
	return m.rings[of].history(binOf(m.sampled))
}

// Quantile returns below which time a share of the observations of the last minute is, in seconds,
// and whether there was any.
func (m *Monitor) Quantile(of Figure, share float64) (float64, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.spreads[of] == nil {
		return 0, false
	}
	return quantile(m.spreads[of].sum(binOf(m.sampled)), share)
}

// Gauge returns the sum of a figure that rises and falls over the processes that are up, and
// whether any has it.
func (m *Monitor) Gauge(of Figure) (sum float64, known bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, w := range m.processes {
		if !w.state.Up || w.last == nil {
			continue
		}
		if value, has := w.last.gauges[of]; has {
			sum, known = sum+value, true
		}
	}
	return sum, known
}

// Failure returns the last failure of a figure in the window, and whether there was any.
func (m *Monitor) Failure(of Figure) (Failure, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f, failed := m.failures[of]
	return f, failed && m.sampled.Sub(f.At) < Bins*Bin
}

// Of returns what figures there are of a kind, in order.
func (m *Monitor) Of(kind string) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []string
	for of := range maps.Keys(m.rings) {
		if of.Kind == kind {
			list = append(list, of.Of)
		}
	}
	slices.Sort(list)
	return list
}

// Processes returns how the processes are, by name and instance, and why their list could not be
// read.
func (m *Monitor) Processes() ([]State, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := make([]State, 0, len(m.processes))
	for w := range maps.Values(m.processes) {
		list = append(list, w.state)
	}
	slices.SortFunc(list, func(a, b State) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Instance, b.Instance))
	})
	return list, m.trouble
}

// Sampled returns when the processes were last read.
func (m *Monitor) Sampled() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.sampled
}
