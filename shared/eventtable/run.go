package eventtable

import (
	"context"
	"errors"
	"fmt"

	"passbook/shared/archive"
	"passbook/shared/bucket"
	"passbook/shared/event"
	"passbook/shared/origin"
	"passbook/shared/progress"
)

var (
	// ErrConflict means that another run committed a snapshot.
	ErrConflict = errors.New("another run has committed a snapshot: run again")
	// ErrIncomplete means that a run could not add everything that the archive has, or should have.
	ErrIncomplete = errors.New("the table lacks events: they are named above")
)

// Config configures Run.
type Config struct {
	Archive bucket.Bucket
	Table   Table
	// Origin shows which entries of the archive are the bank's.
	Origin *origin.Proof
	// Events bounds the events in memory at once. A segment with more is read whole.
	Events   int64
	Progress *progress.Tracker
	// Ending, once it is closed, ends the run after the part that it adds; nil never does.
	Ending <-chan struct{}
}

// Result is what a run did.
type Result struct {
	Segments  int   `json:"segments"`
	Events    int64 `json:"events"`
	Files     int   `json:"files"`
	Snapshots int   `json:"snapshots"`
	// Waiting are the accounts with entries that do not follow what the table has. Forks and
	// Foreign are entries that were left out for good.
	Waiting []Fault  `json:"waiting"`
	Forks   []Fault  `json:"forks"`
	Foreign []Fault  `json:"foreign"`
	Gaps    []string `json:"gaps"`
}

// Fault is an account of which something was not added, from which version on, and why.
type Fault struct {
	Tenant  string `json:"tenant"`
	Account string `json:"account_id"`
	Version int64  `json:"version"`
	What    string `json:"what"`
}

// String describes the fault to a person.
func (f Fault) String() string {
	return fmt.Sprintf("%s v%d: %s", event.Account{Tenant: f.Tenant, ID: f.Account}, f.Version, f.What)
}

// OK reports whether the table has everything that the archive has.
func (r Result) OK() bool { return len(r.Waiting)+len(r.Forks)+len(r.Foreign)+len(r.Gaps) == 0 }

// Run adds to the table what the archive has and the table has not. What it cannot add is in the
// result; an error means that a later run has to add the rest.
func Run(ctx context.Context, c Config) (result Result, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("event table: %w", err)
		}
	}()
	old := c.Table.Summary()
	if old != nil && old[formatName] != format {
		return result, fmt.Errorf("the table has format %q, but this program writes %s", old[formatName], format)
	}
	if old != nil && old[bankName] != c.Origin.Bank {
		return result, fmt.Errorf("the table is of bank %q, the archive of %q: name another place", old[bankName], c.Origin.Bank)
	}
	w := &run{Config: c, sources: newSources(old), saved: old, began: map[string]bool{}, result: &result}
	w.plan, err = archive.LoadPlanAfter(ctx, c.Archive, archive.Reached{Last: w.sources.read, Again: w.sources.waiting})
	if err != nil {
		return result, err
	}
	for _, g := range w.plan.Gaps {
		w.sources.bound(g.Source, g.After.Last)
		result.Gaps = append(result.Gaps, g.String())
	}
	w.marks, err = loadMarks(ctx, c.Table, old)
	if err != nil {
		return result, err
	}
	return result, w.all(ctx)
}

// run is one run.
type run struct {
	Config
	plan    archive.Plan
	sources sources
	marks   marks
	// began are the segments that this run has read. Those behind a gap stay new for later runs.
	began map[string]bool
	// saved is what the newest snapshot says.
	saved  map[string]string
	result *Result
}

// all reads what is new, a batch at a time.
func (w *run) all(ctx context.Context) error {
	todo := w.sources.inOrder(w.plan)
	var events int64
	for _, p := range todo {
		events += p.Footer.Rows
	}
	w.Progress.Begin("add events", "events", events)
	for first := true; first || len(todo) > 0; first = false {
		b := w.next(&todo)
		if len(b.segments) == 0 || isClosed(w.Ending) {
			return nil
		}
		err := b.read(ctx)
		if err == nil {
			err = w.commit(ctx, b, len(todo) == 0 || isClosed(w.Ending))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// next takes the segments of a batch from those that are new. Segments with entries that wait are
// in every batch, since it may have what they follow.
func (w *run) next(todo *[]archive.Planned) *batch {
	b := &batch{run: w, came: map[event.Account][]arrival{}}
	var events int64
	add := func(p archive.Planned) { b.segments, events = append(b.segments, p), events+p.Footer.Rows }
	for _, p := range w.plan.Segments {
		if w.sources.waiting[p.Key] && (!w.sources.isNew(p) || w.began[p.Key]) {
			add(p)
		}
	}
	for waited := len(b.segments); len(*todo) > 0; *todo = (*todo)[1:] {
		p := (*todo)[0]
		if events+p.Footer.Rows > w.Events && len(b.segments) > waited {
			break
		}
		if w.sources.waiting[p.Key] { // it is read again every time, behind a gap
			delete(w.sources.waiting, p.Key)
		}
		add(p)
		w.began[p.Key] = true
		b.fresh++
	}
	return b
}

// commit adds a batch's entries that follow, and records how far the archive was read, and with the
// last batch how far the table has each account.
func (w *run) commit(ctx context.Context, b *batch, last bool) error {
	rows, err := b.follow(ctx)
	if err != nil {
		return err
	}
	for _, p := range b.segments {
		w.sources.passed(p)
	}
	w.result.Segments += b.fresh
	summary := w.sources.summary(w.Origin.Bank)
	if len(rows) == 0 && (w.saved == nil || w.sources.saidBy(w.saved) && (!last || w.saved[marksName] != "")) {
		return nil // there is nothing to record
	}
	n := int64(len(rows))
	files, err := writeFiles(ctx, w.Table, rows)
	if err != nil {
		return err
	}
	if last {
		summary[marksName], err = w.marks.save(ctx, w.Table)
		if err != nil {
			return err
		}
	}
	err = w.Table.Append(ctx, files, summary)
	if err != nil {
		return err
	}
	w.saved = summary
	w.result.Events, w.result.Files, w.result.Snapshots = w.result.Events+n, w.result.Files+len(files), w.result.Snapshots+1
	return nil
}
