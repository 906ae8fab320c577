package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// measure is one line of the report.
type measure struct {
	what string
	// group distinguishes lines of the same text.
	group  string
	unit   string
	target float64
	// atMost says that the target is a ceiling and not a floor.
	atMost bool
	// untargeted lines have no target.
	untargeted bool
	values     []float64
}

// median returns the middle value.
func (m measure) median() float64 {
	if len(m.values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(m.values))
	return sorted[len(sorted)/2]
}

// met reports whether the median reaches the target.
func (m measure) met() bool {
	if m.untargeted {
		return true
	}
	if m.atMost {
		return m.median() <= m.target
	}
	return m.median() >= m.target
}

// report is what a benchmark found.
type report struct {
	order    []string
	measures map[string]*measure
}

func newReport() *report { return &report{measures: map[string]*measure{}} }

// add notes a value of a measure, whose other fields say what it is.
func (r *report) add(m measure, value float64) {
	key := m.group + "/" + m.what
	found := r.measures[key]
	if found == nil {
		found = &m
		r.measures[key] = found
		r.order = append(r.order, key)
	}
	found.values = append(found.values, value)
}

// print writes the table.
func (r *report) print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "what\tmedian\tlowest\thighest\ttarget\t")
	for _, key := range r.order {
		m := r.measures[key]
		target, verdict := "", ""
		if !m.untargeted {
			sign := "≥"
			if m.atMost {
				sign = "≤"
			}
			target, verdict = sign+" "+figure(m.target, m.unit), "met"
			if !m.met() {
				verdict = fmt.Sprintf("MISSED, at %.0f %%", 100*m.median()/m.target)
			}
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", m.what, figure(m.median(), m.unit), figure(slices.Min(m.values), m.unit),
			figure(slices.Max(m.values), m.unit), target, verdict)
	}
	return w.Flush()
}

// missed counts the targets that were not reached.
func (r *report) missed() (n int) {
	for _, m := range r.measures {
		if !m.met() {
			n++
		}
	}
	return n
}

// figure writes a value with its unit, in three digits or so.
func figure(v float64, unit string) string {
	switch {
	case v >= 1000:
		digits := fmt.Sprintf("%.0f", v)
		for i := len(digits) - 3; i > 0; i -= 3 {
			digits = digits[:i] + "," + digits[i:]
		}
		return digits + unit
	case v >= 100:
		return fmt.Sprintf("%.0f%s", v, unit)
	}
	return fmt.Sprintf("%.2f%s", v, unit)
}

// ms returns a duration in milliseconds.
func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
