package check

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"passbook/shared/archive/versions"
)

// listMost bounds the findings that a report lists; all are counted.
const listMost = 10_000

// Finding is a place where the table is not what it should be.
type Finding struct {
	// File is the key of a file of the table, Account "<tenant>#<id>", and Version the first one
	// concerned; each is empty where none is known.
	File    string `json:"file,omitempty"`
	Account string `json:"account,omitempty"`
	Version int64  `json:"version,omitempty"`
	What    string `json:"what"`
}

// String returns the finding as a line.
func (f Finding) String() string { return versions.Line(f.File, f.Account, f.Version, f.What) }

// Report is what a check found.
type Report struct {
	Files    int   `json:"files"`
	Accounts int64 `json:"accounts"`
	// Events are the rows of the table that an entry of the archive proves.
	Events int64 `json:"events"`
	// Count is the number of findings; Findings lists the first of them.
	Count    int64     `json:"count"`
	Findings []Finding `json:"findings"`
	// Behind are the accounts of which the archive has more, that no run has read yet.
	Behind []Finding `json:"behind"`
	// Gaps are the parts of the archive that cannot be read, and prove nothing.
	Gaps []string `json:"gaps,omitempty"`
}

func (r *Report) find(f Finding) {
	r.Count++
	if len(r.Findings) < listMost {
		r.Findings = append(r.Findings, f)
	}
}

// WriteText writes the report as text.
func (r *Report) WriteText(w io.Writer) error {
	var b strings.Builder
	for _, gap := range r.Gaps {
		fmt.Fprintf(&b, "not in the archive: %s\n", gap)
	}
	for _, f := range r.Findings {
		fmt.Fprintln(&b, f)
	}
	if more := r.Count - int64(len(r.Findings)); more > 0 {
		fmt.Fprintf(&b, "and %d more\n", more)
	}
	for _, f := range r.Behind {
		fmt.Fprintln(&b, f)
	}
	fmt.Fprintf(&b, "%d events of %d accounts in %d files are the archive's\n", r.Events, r.Accounts, r.Files)
	if r.Count > 0 {
		fmt.Fprintf(&b, "differences: %d\n", r.Count)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// inOrder orders findings by account and version.
func inOrder(list []Finding) []Finding {
	slices.SortStableFunc(list, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Version, b.Version))
	})
	return list
}
