package scenario

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// line is one line of the table.
type line struct {
	what string
	of   func(Round) float64
	text func(float64) string
	// alone says that a ratio means nothing.
	alone bool
}

// lines returns the lines of the table of a load that counts what.
func lines(what string) []line {
	const mega = mebi
	return []line{
		{what + "/s", func(r Round) float64 { return r.PerSecond }, whole, false},
		{"p50, ms", func(r Round) float64 { return r.Latency.P50 }, tenths, false},
		{"p99, ms", func(r Round) float64 { return r.Latency.P99 }, tenths, false},
		{"p99.9, ms", func(r Round) float64 { return r.Latency.P999 }, tenths, false},
		{"server CPU, µs each", func(r Round) float64 { return r.ServerCPU }, tenths, false},
		{"driver CPU, µs each", func(r Round) float64 { return r.DriverCPU }, tenths, false},
		{"rows caught up after, s", func(r Round) float64 { return r.Rows }, hundredths, true},
		{"archiver caught up after, s", func(r Round) float64 { return r.Archive }, hundredths, true},
		{"visible p50, ms", func(r Round) float64 { return r.Visible.P50 }, tenths, false},
		{"visible p99, ms", func(r Round) float64 { return r.Visible.P99 }, tenths, false},
		{"resident, MiB", func(r Round) float64 { return float64(r.Resident) / mega }, whole, false},
		{"disk, MiB", func(r Round) float64 { return float64(r.Disk) / mega }, whole, false},
		{"refused", func(r Round) float64 { return float64(r.Refused) }, whole, false},
	}
}

// write prints the medians of all rounds beside each other, with the least and the most, and the
// median of the rounds' ratios of the first two contenders.
func write(out io.Writer, r Report) error {
	fmt.Fprintf(out, "%s: %d accounts, %d connections, %d rounds of %v s, %d cores for driver and server, fsync on\n",
		r.Scenario, r.Accounts, r.Connections, len(r.Contenders[0].Rounds), r.Seconds, r.Cores)
	results := r.Contenders
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, "median (least to most)")
	for _, r := range results {
		fmt.Fprintf(w, "\t%s", r.Name)
	}
	if len(results) > 1 {
		fmt.Fprintf(w, "\t%s : %s", results[0].Name, results[1].Name)
	}
	fmt.Fprintln(w)
	for _, line := range lines(r.What) {
		var row strings.Builder
		row.WriteString(line.what)
		all := 0.0
		for _, r := range results {
			median, least, most := r.spread(line.of)
			all = max(all, most)
			row.WriteString("\t" + line.text(median))
			if len(r.Rounds) > 1 {
				fmt.Fprintf(&row, " (%s to %s)", line.text(least), line.text(most))
			}
		}
		if all == 0 {
			continue // not measured
		}
		if len(results) > 1 && !line.alone {
			row.WriteString("\t" + ratio(results[0], results[1], line.of))
		}
		fmt.Fprintln(w, row.String())
	}
	return w.Flush()
}

// ratio returns the median of how many times the second has what the first has, in each round: the
// rounds of one number are next to each other in time, so that other work falls on both.
func ratio(first, second Result, of func(Round) float64) string {
	var ratios []float64
	for i := range first.Rounds {
		if below := of(second.Rounds[i]); below > 0 {
			ratios = append(ratios, of(first.Rounds[i])/below)
		}
	}
	if len(ratios) == 0 {
		return ""
	}
	return hundredths(middle(ratios))
}

// middle returns the median.
func middle(values []float64) float64 {
	values = slices.Sorted(slices.Values(values))
	if n := len(values); n%2 == 0 {
		return (values[n/2-1] + values[n/2]) / 2
	}
	return values[len(values)/2]
}

// Report is a comparison as JSON.
type Report struct {
	Scenario    string   `json:"scenario"`
	What        string   `json:"what"`
	Cores       int      `json:"cores"`
	Accounts    int      `json:"accounts"`
	Connections int      `json:"connections"`
	Rate        float64  `json:"rate,omitempty"`
	Seconds     float64  `json:"seconds"`
	Contenders  []Result `json:"contenders"`
}

// writeJSON prints what was measured as one document.
func writeJSON(out io.Writer, r any) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r)
}

// whole writes a number without decimals, its thousands apart.
func whole(v float64) string {
	digits := fmt.Sprintf("%.0f", v)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

func tenths(v float64) string     { return fmt.Sprintf("%.1f", v) }
func hundredths(v float64) string { return fmt.Sprintf("%.2f", v) }
