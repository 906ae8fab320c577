package replay

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"passbook/shared/backoff"
	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/shared/progress"
	"passbook/shared/readmodel"
	"passbook/shared/table"
)

const (
	// sameVersionTries is how often two rows that move are read before the attempt to find both at
	// one version is given up; tryEvery is the time between.
	sameVersionTries = 20
	tryEvery         = 50 * time.Millisecond
	// catchUpTries is how often a candidate's row is read until it reaches the first version of the
	// live row. This takes a second more than readers wait for a generation that lags.
	catchUpTries = 60
)

// ignoredAttrs are the attributes that differ between generations by nature: who wrote the row and
// when, and the generation itself.
var ignoredAttrs = []string{"rev", "projected_at", "shard", "sequence", "pending", "quiet", "hk", "dk", "unindexed"}

// laterAttrs are the attributes that a row lacks if an earlier release folded it. They are compared
// where both rows have them.
var laterAttrs = []string{"decline_marks"}

// CompareConfig configures Compare and Promote. All but Derived and Progress is required.
type CompareConfig struct {
	Table table.Table
	Model string
	// Journal has the history of an account whose two rows are never found at one version.
	Journal readmodel.History
	// Projection opens the model's projection in another table, where the generation is a
	// candidate. A row that was not found at the live row's version is compared with what the
	// projection makes of the history.
	Projection func(ctx context.Context, in table.Table, generation int64) (Projection, error)
	// Derived compares the further rows of a generation with the journal; nil compares none.
	Derived  func(ctx context.Context, generation int64, found func(readmodel.Difference)) (readmodel.Compared, error)
	Progress *progress.Tracker
}

// CompareResult is what Compare found.
type CompareResult struct {
	Live, Candidate int64
	// Equal rows agree in everything: at one version, or, where the account is too busy to find
	// both at one, each with what the journal makes of its version. Ahead are rows of the candidate
	// that agree with the journal, and that the live generation does not reach: its row is in
	// quarantine, does not advance, is missing, or is not from the journal's history.
	Equal, Ahead int64
	// Faults name the rows that differ, are behind the live ones, are in quarantine, or cannot be
	// compared with anything.
	Faults Faults
}

// Compare compares the candidate of a model with the live generation, each row at equal versions.
// While both follow the stream a row is read again until both are at one version. The rows of a
// busy account may never be; they are compared with the journal then. No row of the candidate
// passes without a comparison. Compare ends with ErrDifference if a row differs, lags or is in
// quarantine.
func Compare(ctx context.Context, c CompareConfig) (CompareResult, error) {
	g, err := readmodel.LoadGenerations(ctx, c.Table, c.Model)
	live, candidate := g.Live, g.Candidate
	if candidate == 0 && g.Previous > g.Live { // it was live before a promote --back
		candidate = g.Previous
	}
	found := CompareResult{Live: live, Candidate: candidate}
	if err == nil && candidate == 0 {
		err = c.noCandidate(g)
	}
	if err != nil {
		return found, fmt.Errorf("compare %s: %w", c.Model, err)
	}
	run := comparison{config: c, live: live, candidate: candidate}
	c.Progress.Begin(fmt.Sprintf("compare %s with %s", readmodel.Name(c.Model, candidate), readmodel.Name(c.Model, live)), "rows", 0)
	err = eachRow(ctx, c.Table, c.Model, live, func(ctx context.Context, row modelRow) error { return run.compareAccount(ctx, row.account) })
	if err == nil {
		err = eachRow(ctx, c.Table, c.Model, candidate, run.candidateOnly)
	}
	if err == nil && c.Derived != nil {
		_, err = c.Derived(ctx, candidate, func(d readmodel.Difference) { run.faults.add(d.Account, d.Version, "%s", d.What) })
	}
	if err != nil {
		return found, fmt.Errorf("compare %s: %w", c.Model, err)
	}
	found.Equal, found.Ahead = run.equal.Load(), run.ahead.Load()
	found.Faults, err = run.faults.result()
	return found, err
}

// noCandidate returns the error of a model that has nothing to compare.
func (c CompareConfig) noCandidate(g readmodel.GenerationSet) error {
	if g.Previous != 0 {
		return fmt.Errorf("there is no candidate: replay promote --model %s --back returns to generation %d, replay discard --model %s --yes "+
			"removes it, and then replay rebuild --model %s makes one: %w", c.Model, g.Previous, c.Model, c.Model, readmodel.ErrGeneration)
	}
	return fmt.Errorf("there is no candidate: replay rebuild --model %s makes one: %w", c.Model, readmodel.ErrGeneration)
}

type comparison struct {
	config          CompareConfig
	live, candidate int64
	equal, ahead    atomic.Int64
	faults          faultList
}

// compareAccount compares an account's two rows: at one version if they are found there, else each
// with the journal. The candidate must reach the version that the live row had at first, since the
// live row may always be a little ahead. A candidate's row that is behind and does not advance does
// not follow the stream.
func (r *comparison) compareAccount(ctx context.Context, a event.Account) error {
	r.config.Progress.Add(1)
	var first, from int64
	for try := 1; ; try++ {
		live, made, err := r.readRows(ctx, a)
		if err != nil {
			return err
		}
		if try == 1 {
			first, from = max(1, live.version), made.version
		}
		follows := made.version >= live.version || made.version > from
		switch {
		case made.blocked != 0:
			r.faults.add(a, made.blocked, "the candidate's row is in quarantine")
			return nil
		case live.version == made.version:
			return r.compareRows(ctx, a, live, made)
		case made.version >= first && follows && (try >= sameVersionTries || live.blocked != 0):
			return r.compareWithJournal(ctx, live, made, live.version > first)
		case try == catchUpTries:
			right, err := r.fromJournal(ctx, live)
			if err != nil {
				return err
			}
			if !right { // its version is not one that the candidate can reach
				return r.compareWithJournal(ctx, live, made, false)
			}
			r.faults.add(a, made.version+1, "the candidate's row is behind the live one at v%d", live.version)
			return nil
		}
		if err := backoff.Sleep(ctx, tryEvery); err != nil {
			return err
		}
	}
}

// readRows reads an account's two rows.
func (r *comparison) readRows(ctx context.Context, a event.Account) (live, made modelRow, err error) {
	live, err = getRow(ctx, r.config.Table, r.config.Model, r.live, a)
	if err == nil {
		made, err = getRow(ctx, r.config.Table, r.config.Model, r.candidate, a)
	}
	return live, made, err
}

// compareRows compares two rows at one version. Equal rows prove nothing if both were folded from a
// forged record, so the candidate's must be from the journal's history; a live row that is not
// cannot serve as a measure.
func (r *comparison) compareRows(ctx context.Context, a event.Account, live, made modelRow) error {
	right, err := r.fromJournal(ctx, made)
	switch {
	case err != nil:
		return err
	case !right:
		r.faults.add(a, made.version, "the candidate's row was not folded from the journal's entry: bank quarantine redrive %s folds it from the journal", a)
		return nil
	case live.hash != made.hash:
		return r.compareWithJournal(ctx, live, made, false)
	}
	differ := differences(live, made)
	if len(differ) == 0 {
		r.equal.Add(1)
		return nil
	}
	values := make([]Difference, len(differ))
	for i, name := range differ {
		values[i] = Difference{name, shown(live.attrs[name]), shown(made.attrs[name])}
	}
	r.faults.keep(Fault{a, live.version, fmt.Sprintf("the rows differ in %v", differ), values})
	return nil
}

// shown returns an attribute for people, at most 200 bytes of it.
func shown(value table.Value) string {
	if value == nil {
		return ""
	}
	text := fmt.Sprint(value)
	return strings.ToValidUTF8(text[:min(len(text), 200)], "")
}

// fromJournal reports whether a row was folded from the entry that the journal has at its version.
// Where the journal cannot be read it reports true: the audit names that.
func (r *comparison) fromJournal(ctx context.Context, row modelRow) (bool, error) {
	if row.version == 0 {
		return true, nil
	}
	for e, err := range r.config.Journal.Backward(ctx, row.account, row.version) {
		var newer *event.FormatError
		switch {
		case errors.Is(err, journal.ErrDamaged) || errors.As(err, &newer):
			return true, nil
		case err != nil:
			return false, fmt.Errorf("compare %s with the journal: %w", row.account, err)
		}
		return e.Last == row.version && row.hash == e.Hash.String(), nil
	}
	return false, nil
}

// differences returns the names of the attributes in which two rows of one version differ and must
// not, sorted.
func differences(one, other modelRow) []string {
	var differ []string
	for name := range one.attrs {
		if _, ok := other.attrs[name]; !ok && compared(name) && !slices.Contains(laterAttrs, name) {
			differ = append(differ, name)
		}
	}
	for name, value := range other.attrs {
		if one.attrs[name] == nil && slices.Contains(laterAttrs, name) {
			continue
		}
		if compared(name) && !reflect.DeepEqual(value, one.attrs[name]) {
			differ = append(differ, name)
		}
	}
	slices.Sort(differ)
	return differ
}

// compared reports whether an attribute must be equal in both rows.
func compared(name string) bool {
	return !slices.Contains(ignoredAttrs, name) && name != "blocked_at_version" && name != "cause"
}

// candidateOnly checks the candidate's rows that the live generation lacks.
func (r *comparison) candidateOnly(ctx context.Context, ok modelRow) error {
	live, made, err := r.readRows(ctx, ok.account)
	if err != nil || live.attrs != nil {
		return err
	}
	r.config.Progress.Add(1)
	switch {
	case made.blocked != 0:
		r.faults.add(made.account, made.blocked, "the candidate's row is in quarantine")
		return nil
	case made.version == 0: // nothing was folded into it yet
		return nil
	}
	return r.compareWithJournal(ctx, live, made, false)
}

// Promote makes the candidate live if Compare finds no fault, or with force also if it finds some.
// The generation that was live stays until Discard.
func Promote(ctx context.Context, c CompareConfig, force bool) (CompareResult, error) {
	found, err := Compare(ctx, c)
	if err != nil && !(force && found.Faults.Count > 0) {
		return found, err
	}
	err = readmodel.Promote(ctx, c.Table, c.Model, found.Candidate)
	if err != nil {
		return found, fmt.Errorf("promote %s: %w", readmodel.Name(c.Model, found.Candidate), err)
	}
	return found, nil
}
