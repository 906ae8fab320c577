package replay

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"passbook/shared/archive"
	"passbook/shared/bucket"
	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/shared/origin"
	"passbook/shared/progress"
	"passbook/shared/readmodel"
	"passbook/shared/replay/spill"
	"passbook/shared/segment"
	"passbook/shared/stream"
)

// RetireConfig configures Retire.
type RetireConfig struct {
	Bucket  bucket.Bucket
	Journal *journal.Reader
	// Evidence is what is known of the archive from outside it.
	Evidence archive.Evidence
	// Origin shows which entries of the archive are the bank's; nil accepts all of them.
	Origin *origin.Proof
	// Key is the segment that is damaged or missing.
	Key string
	// Grace is how long an entry may take to be archived.
	Grace time.Duration
	// DryRun checks everything and writes nothing.
	DryRun   bool
	Progress *progress.Tracker
	// Limits are where the entries are sorted by account, and with how much memory.
	Limits spill.Limits
}

// RetireResult is what Retire did.
type RetireResult struct {
	Key string `json:"retired"`
	// Object is the key of what was written; "" in a dry run.
	Object string `json:"object,omitempty"`
	// Replacing are the segments with the Entries that the retired one can have had.
	Replacing []string `json:"replaced_by,omitempty"`
	Entries   int64    `json:"entries"`
	// Before means that the segment was retired before.
	Before bool `json:"before,omitempty"`
	// Faults name entries that no readable segment has.
	Faults Faults `json:"faults"`
	// Foreign name entries of the archive that are not the bank's, and count for nothing.
	Foreign Faults `json:"foreign,omitzero"`
	DryRun  bool   `json:"dry_run,omitempty"`
}

// ErrNotGap means that the archive is not known to lack the segment.
var ErrNotGap = errors.New("replay: the segment is neither damaged nor missing")

// clockTolerance is how much later than its arrival an entry may have been recorded, by another
// clock.
const clockTolerance = 5 * time.Minute

// Retire marks a damaged or missing segment as replaced, once readable segments have every entry
// that the journal has and that the segment can have had. Otherwise it ends with ErrDifference, and
// the faults name those that are missing. It reads whole segments.
func Retire(ctx context.Context, c RetireConfig) (RetireResult, error) {
	done := RetireResult{Key: c.Key, DryRun: c.DryRun}
	r, err := c.begin(ctx)
	if err != nil || r == nil {
		done.Before = err == nil
		return done, err
	}
	err = r.compare(ctx)
	if err != nil {
		return done, fmt.Errorf("replay: retire: %w", err)
	}
	done.Foreign, _ = r.foreign.result()
	done.Faults, err = r.walk.damage.entries.result()
	if err != nil {
		return done, fmt.Errorf("%w: %s is not retired: no readable segment has %s; run audit --repair, wait for the age of a segment "+
			"and 10 s, then retire again", err, c.Key, done.Faults.List[0])
	}
	retired := r.finish()
	for _, by := range retired.Replacing {
		done.Replacing, done.Entries = append(done.Replacing, by.Key), done.Entries+int64(len(by.Entries))
	}
	wrong, err := retired.Verify(ctx, c.Bucket)
	switch {
	case err != nil:
		return done, fmt.Errorf("replay: retire: %w", err)
	case wrong != "":
		return done, fmt.Errorf("%w: %s is not retired: %s", ErrDifference, c.Key, wrong)
	case !c.DryRun:
		done.Object, err = retired.Write(ctx, c.Bucket)
	}
	return done, err
}

// retirementRun is the state of a Retire.
type retirementRun struct {
	config     RetireConfig
	retirement archive.Retirement
	source     segment.Source
	// All records of the gap arrived before until. Entries recorded at or after young need not be
	// archived yet.
	until, young time.Time
	walk         *accountReader

	foreign      faultList // entries that count for nothing
	mu           sync.Mutex
	replacements map[*archive.Planned][]archive.RetiredEntry
}

// begin finds the gaps that have the key. It returns nil if the segment was retired before.
func (c RetireConfig) begin(ctx context.Context) (*retirementRun, error) {
	plan, err := loadPlan(ctx, c.Bucket, c.Evidence, nil) // the suspect ones replace nothing
	if err != nil {
		return nil, fmt.Errorf("replay: retire: %w", err)
	}
	if slices.Contains(plan.Retired, c.Key) {
		return nil, nil
	}
	if slices.ContainsFunc(plan.Segments, func(s archive.Planned) bool { return s.Key == c.Key }) {
		_, err := segment.Open(ctx, c.Bucket, c.Key)
		if segment.Unusable(err) {
			plan = plan.Without(map[string]error{c.Key: err})
		} else if err != nil {
			return nil, fmt.Errorf("replay: retire: %w", err)
		}
	}
	var gaps []archive.Gap
	until := int64(0)
	for _, g := range plan.Gaps {
		if g.Key == c.Key {
			gaps = append(gaps, g)
			until = max(until, g.Until)
		}
	}
	if len(gaps) == 0 {
		return nil, fmt.Errorf("%w: %s; audit names the segments that are", ErrNotGap, c.Key)
	}
	r := &retirementRun{config: c, source: gaps[0].Source, until: time.UnixMicro(until), replacements: map[*archive.Planned][]archive.RetiredEntry{}}
	r.young = time.Now().Add(-c.Grace)
	if old := r.until.Add(clockTolerance); r.young.Before(old) {
		r.young = old
	}
	known := false
	r.retirement, known, err = archive.NewRetirement(ctx, c.Bucket, gaps)
	if err != nil {
		return nil, fmt.Errorf("replay: retire: %w", err)
	}
	if !known {
		return nil, fmt.Errorf("%w: %s is not retired: its end is unknown until the shard's next segment is sealed; run audit --repair and try again", ErrDifference, c.Key)
	}
	plan = plan.Filter(func(s archive.Planned) bool { return s.Key != c.Key })
	r.walk = &accountReader{
		bucket: c.Bucket, plan: plan, origin: c.Origin, limits: c.Limits, damage: &damage{}, progress: c.Progress,
		listed: readmodel.AllAccounts(ctx, c.Journal), // the archive may have others, that this does not list yet, or that the journal lacks
	}
	return r, nil
}

// compare compares the journal's accounts with the archive.
func (r *retirementRun) compare(ctx context.Context) (err error) {
	sorted, err := r.walk.sort(ctx, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sorted.Close()) }()
	sorted.begin("compare the archive with the journal")
	for part := range sorted.Parts() {
		err = sorted.visit(ctx, part, func(ctx context.Context, a event.Account, all []archivedEntry, _ bool) error {
			return r.account(ctx, a, all)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// account compares one account's journal with its entries in the archive. Entries that only the
// archive has are reported too: a journal that lost its end cannot show what the gap had.
func (r *retirementRun) account(ctx context.Context, a event.Account, found []archivedEntry) error {
	d, err := divide(ctx, r.config.Origin, a, found)
	if err != nil {
		return err
	}
	all := d.own
	for _, e := range d.unproven { // the journal shows whether they are right
		all = append(all, e.archivedEntry)
	}
	d.reportForeign(&r.foreign, a)
	first, last := map[event.Hash]archivedEntry{}, int64(0)
	for _, h := range all {
		if was, ok := first[h.Hash]; !ok || h.arrived.Before(was.arrived) {
			first[h.Hash] = h
		}
		last = max(last, h.Last)
	}
	head, archived := int64(0), []archivedEntry{}
	for e, err := range r.config.Journal.Entries(ctx, a, 1, 0) {
		if err != nil {
			return fmt.Errorf("journal of %s: %w", a, err)
		}
		head = e.Last
		if h, ok := first[e.Hash]; ok {
			archived = append(archived, h)
		} else if e.RecordedAt.Before(r.young) {
			r.walk.damage.entries.add(a, e.First, "the entry is only in the journal")
		}
	}
	if head < last {
		r.walk.damage.entries.add(a, head+1, "the archive is ahead of the journal, which cannot show what the segment had")
	}
	r.addReplacements(archived)
	return nil
}

// addReplacements notes the segments that replace the retired one. They have an entry after the gap
// that is a repetition, in one of two cases:
//   - it was recorded before the end of the gap;
//   - a later entry of the account had arrived before it.
func (r *retirementRun) addReplacements(entries []archivedEntry) {
	next := time.UnixMicro(math.MaxInt64)
	for _, h := range slices.Backward(entries) {
		if r.afterGap(h) && (h.RecordedAt.Before(r.until) || next.Before(h.arrived)) {
			r.mu.Lock()
			r.replacements[h.in] = append(r.replacements[h.in], archive.RetiredEntryOf(h.Entry))
			r.mu.Unlock()
		}
		if h.arrived.Before(next) {
			next = h.arrived
		}
	}
}

// afterGap reports whether an entry comes after the gap.
func (r *retirementRun) afterGap(h archivedEntry) bool {
	return !h.arrived.Before(r.until) || h.in.Name.Source == r.source && (r.retirement.AfterLast == "" || stream.CompareSequence(h.in.Footer.Last, r.retirement.AfterLast) > 0)
}

// finish returns the retirement with everything that replaces the segment, the same each time.
func (r *retirementRun) finish() *archive.Retirement {
	by := slices.SortedFunc(maps.Keys(r.replacements), func(a, b *archive.Planned) int { return strings.Compare(a.Key, b.Key) })
	for _, s := range by {
		entries := r.replacements[s]
		slices.SortFunc(entries, archive.RetiredEntry.Compare)
		r.retirement.Replace(s, entries)
	}
	return &r.retirement
}
