package audit

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"math/big"
	"slices"
	"strings"
	"sync"
	"time"

	"passbook/shared/archive"
	"passbook/shared/readmodel"
	"passbook/shared/webhook/verify"
)

// maxFindings bounds the findings that a report lists; all are counted.
const maxFindings = 10_000

// Finding is one difference.
type Finding struct {
	// Where is journal, archive, or the name of a table: a read model's, derived or webhooks.
	Where string `json:"where"`
	// Account is "<tenant>#<id>", empty if the finding is not about one account. Version is the
	// first one concerned.
	Account string `json:"account,omitempty"`
	Version int64  `json:"version,omitempty"`
	What    string `json:"what"`
	// Expected and Found are both values of what differs, where there are two. They are the
	// account's, so that they are shown to who may read accounts, and in no log.
	Expected string `json:"expected,omitempty"`
	Found    string `json:"found,omitempty"`
	// Advice is what to do about it; ACCOUNT in it stands for the account. Repaired means that
	// the repair has done it.
	Advice   Advice `json:"advice,omitempty"`
	Repaired bool   `json:"mended,omitempty"`
}

func finding(do Advice, where, account string, version int64, format string, args ...any) Finding {
	return Finding{Where: where, Account: account, Version: version, What: fmt.Sprintf(format, args...), Advice: do}
}

// String returns the finding as a line.
func (f Finding) String() string {
	text := f.Where + ": " + f.What
	if f.Account != "" {
		text = fmt.Sprintf("%s: %s v%d: %s", f.Where, f.Account, f.Version, f.What)
	}
	if f.Repaired {
		text += " (repaired)"
	}
	return text
}

// Total is the size of one source.
type Total struct {
	Accounts int64 `json:"accounts"`
	Entries  int64 `json:"entries,omitempty"`
	Events   int64 `json:"events"`
	// Posted is the sum of the accounts' posted balances, by currency, in minor units.
	Posted map[string]*Sum `json:"posted"`
}

// Report is the result of an audit.
type Report struct {
	Began time.Time     `json:"began"`
	Took  time.Duration `json:"took_ns"`
	// Tenant is the one whose accounts were audited; empty for all.
	Tenant string `json:"tenant,omitempty"`
	// Totals are by source: journal, archive, and each read model.
	Totals map[string]Total `json:"totals"`
	// Count is the number of findings; Findings lists the first of them.
	Count    int64     `json:"count"`
	Findings []Finding `json:"findings"`
	// Repair means that the audit was to repair what can be repaired.
	Repair bool `json:"repair,omitempty"`
	// OnTheWay counts the entries that a source lacks and that are too recent to be missed.
	OnTheWay int64 `json:"on_the_way"`
	// Republished, Projected and Noted count repairs: entries put on the stream, rows folded again,
	// and rows of what is sent to webhooks.
	Republished int64 `json:"republished,omitempty"`
	Projected   int64 `json:"projected,omitempty"`
	Noted       int64 `json:"noted,omitempty"`

	// Archive is how far the archive goes.
	Archive archive.Extent `json:"archive"`
	// Retired are damaged or missing segments whose entries others have. They are not a difference.
	Retired []string `json:"retired,omitempty"`
	// Strays are objects in the bucket that are not part of the archive. They are not a difference.
	Strays archive.Strays `json:"strays,omitzero"`

	// Index says what of the index of events was compared.
	Index readmodel.Compared `json:"index,omitzero"`
	// Deliveries counts the webhooks, and the rows of what is sent to them, that were compared.
	Deliveries verify.Compared `json:"deliveries,omitzero"`

	mu sync.Mutex
}

// Clean reports whether there are no findings.
func (r *Report) Clean() bool { return r.Count == 0 }

// keep counts findings, and lists the first ones.
func (r *Report) keep(findings ...Finding) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Count += int64(len(findings))
	r.Findings = append(r.Findings, findings[:min(len(findings), maxFindings-len(r.Findings))]...)
}

func (r *Report) find(do Advice, where, account string, version int64, format string, args ...any) {
	r.keep(finding(do, where, account, version, format, args...))
}

// add counts an account of a source.
func (r *Report) add(source, currency string, entries, events, posted int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.Totals[source]
	if t.Posted == nil {
		t.Posted = map[string]*Sum{}
	}
	t.Accounts++
	t.Entries += entries
	t.Events += events
	if t.Posted[currency] == nil {
		t.Posted[currency] = new(Sum)
	}
	sum := &t.Posted[currency].Int
	sum.Add(sum, big.NewInt(posted))
	r.Totals[source] = t
}

func (r *Report) count(field *int64, n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	*field += n
}

// finish sorts the findings.
func (r *Report) finish(took time.Duration) {
	r.Took = took
	slices.SortFunc(r.Findings, func(a, b Finding) int {
		return cmp.Or(strings.Compare(a.Account, b.Account), cmp.Compare(a.Version, b.Version),
			strings.Compare(a.Where, b.Where), strings.Compare(a.What, b.What))
	})
}

// WriteText writes the report as text.
func (r *Report) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%-12s %12s %12s %12s  %s\n", "source", "accounts", "entries", "events", "posted, minor units")
	for _, source := range slices.Sorted(maps.Keys(r.Totals)) {
		t := r.Totals[source]
		var sums []string
		for _, currency := range slices.Sorted(maps.Keys(t.Posted)) {
			sums = append(sums, t.Posted[currency].String()+" "+currency)
		}
		entries := "-"
		if t.Entries > 0 {
			entries = fmt.Sprint(t.Entries)
		}
		fmt.Fprintf(&b, "%-12s %12d %12s %12d  %s\n", source, t.Accounts, entries, t.Events, strings.Join(sums, ", "))
	}
	fmt.Fprintf(&b, "archive: %s\n", r.Archive)
	if r.Index.Index {
		fmt.Fprintf(&b, "index of events: compared from %s on\n", r.Index.From.Format(time.RFC3339))
	}
	if d := r.Deliveries; d.Endpoints > 0 || d.Rows > 0 {
		fmt.Fprintf(&b, "webhooks: %d compared; rows of what is sent to them: %d\n", d.Endpoints, d.Rows)
	}
	writeFindings(&b, r.Findings, r.Count)
	for _, key := range r.Retired {
		fmt.Fprintf(&b, "retired: %s: other segments have its entries\n", key)
	}
	for _, stray := range r.Strays.List {
		fmt.Fprintf(&b, "skipped: %s\n", stray)
	}
	if more := r.Strays.Count - int64(len(r.Strays.List)); more > 0 {
		fmt.Fprintf(&b, "skipped: and %d more\n", more)
	}
	if r.OnTheWay > 0 {
		fmt.Fprintf(&b, "entries on their way: %d\n", r.OnTheWay)
	}
	if r.Republished > 0 || r.Projected > 0 {
		fmt.Fprintf(&b, "repaired: entries republished %d, accounts projected %d\n", r.Republished, r.Projected)
	}
	if r.Noted > 0 {
		fmt.Fprintf(&b, "repaired: rows of webhooks %d\n", r.Noted)
	}
	r.advise(&b)
	verdict := "journal, archive and read models agree"
	if !r.Clean() {
		verdict = fmt.Sprintf("differences: %d", r.Count)
	}
	if r.Tenant != "" {
		verdict += " about the accounts of tenant " + r.Tenant
	}
	fmt.Fprintf(&b, "%s (%s)\n", verdict, r.Took.Round(time.Millisecond))
	_, err := io.WriteString(w, b.String())
	return err
}

// writeFindings writes those that are listed of so many findings, and how many more there are.
func writeFindings[F fmt.Stringer](b *strings.Builder, listed []F, count int64) {
	for _, f := range listed {
		fmt.Fprintln(b, f)
	}
	if more := count - int64(len(listed)); more > 0 {
		fmt.Fprintf(b, "and %d more\n", more)
	}
}
