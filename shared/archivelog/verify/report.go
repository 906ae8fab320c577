package verify

import (
	"fmt"
	"io"
	"strings"

	"passbook/shared/archive/versions"
)

// listMost bounds the findings and the objects that a report lists; all are counted.
const listMost = 10_000

// Unlogged are objects among the segments that are in no leaf: too new for the newest checkpoint,
// refused by the bank, or put there by somebody. Nothing is proven of them.
type Unlogged struct {
	Count int64    `json:"count"`
	List  []string `json:"list,omitempty"`
}

// Report is what was proven of a copy.
type Report struct {
	Bank string `json:"bank"`
	// Kept is the checkpoint that somebody kept, and Newest the newest in the copy that is signed.
	Kept   Signed `json:"kept"`
	Newest Signed `json:"newest"`
	// Segments, Entries and Events were read whole. An entry that was archived again counts again.
	Segments int64 `json:"segments"`
	Entries  int64 `json:"entries"`
	Events   int64 `json:"events"`
	Accounts int64 `json:"accounts"`
	// Parts is how often the copy was read, for as many parts of the accounts.
	Parts int `json:"parts"`
	// Count is the number of findings; Findings lists the first of them.
	Count    int64              `json:"count"`
	Findings []versions.Finding `json:"findings"`
	Unlogged Unlogged           `json:"unlogged"`
}

func (r *Report) find(f versions.Finding) {
	r.Count++
	if len(r.Findings) < listMost {
		r.Findings = append(r.Findings, f)
	}
}

func (r *Report) unlogged(key, what string) {
	r.Unlogged.Count++
	if len(r.Unlogged.List) < listMost {
		r.Unlogged.List = append(r.Unlogged.List, key+": "+what)
	}
}

// WriteText writes the report as text.
func (r *Report) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "bank        %s\n", r.Bank)
	fmt.Fprintf(&b, "kept        %s\n", r.Kept)
	if r.Newest.Size > 0 {
		fmt.Fprintf(&b, "newest      %s\n", r.Newest)
	}
	fmt.Fprintf(&b, "read        %d segments, %d entries, %d events of %d accounts\n", r.Segments, r.Entries, r.Events, r.Accounts)
	for _, f := range r.Findings {
		fmt.Fprintln(&b, f)
	}
	if more := r.Count - int64(len(r.Findings)); more > 0 {
		fmt.Fprintf(&b, "and %d more\n", more)
	}
	for _, line := range r.Unlogged.List {
		fmt.Fprintf(&b, "not in the log: %s\n", line)
	}
	if more := r.Unlogged.Count - int64(len(r.Unlogged.List)); more > 0 {
		fmt.Fprintf(&b, "not in the log: and %d more\n", more)
	}
	if r.Count > 0 {
		fmt.Fprintf(&b, "differences: %d\n", r.Count)
	} else {
		fmt.Fprintf(&b, "every segment of the log is as it was signed, and every account is whole from version 1 on\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}
