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
	"passbook/shared/progress"
	"passbook/shared/segment"
	"passbook/shared/stream"
)

// RetireConfig configures Retire.
type RetireConfig struct {
	Bucket  bucket.Bucket
	Journal *journal.Reader
	// Known is what is known of the archive from elsewhere.
	Known archive.Evidence
	// Key is the segment that is damaged or missing.
	Key string
	// Grace is how long an entry may be on its way to the archive.
	Grace time.Duration
	// DryRun proves everything and writes nothing.
	DryRun   bool
	Progress *progress.Tracker
	// PassEvents bounds the events in memory; 0 is a default of some 250 MB.
	PassEvents int64
}

// RetireResult is what Retire proved.
type RetireResult struct {
	Key string `json:"retired"`
	// Object is what was written; "" in a dry run.
	Object string `json:"object,omitempty"`
	// Replacing are the segments that hold the Entries which the retired one can have held.
	Replacing []string `json:"replaced_by,omitempty"`
	Entries   int64    `json:"entries"`
	// Before says that the segment was retired before.
	Before bool `json:"before,omitempty"`
	// Faults name what no whole segment holds.
	Faults Faults `json:"faults"`
	DryRun bool   `json:"dry_run,omitempty"`
}

// ErrNotGap: the archive is not known to lack the segment.
var ErrNotGap = errors.New("replay: the segment is neither damaged nor missing")

// clockTolerance is how much later than it arrived an entry may say that it was recorded: two
// clocks.
const clockTolerance = 5 * time.Minute

// Retire has a segment that is damaged or missing count as replaced, once every entry that the
// journal has and that can have lain in it is held by whole segments. Else it ends with
// ErrDifference, and the faults name what is not. Segments are read whole for it.
func Retire(ctx context.Context, c RetireConfig) (RetireResult, error) {
	done := RetireResult{Key: c.Key, DryRun: c.DryRun}
	r, err := c.begin(ctx)
	if err != nil || r == nil {
		done.Before = err == nil
		return done, err
	}
	for pass := range r.walk.passes() {
		if err := r.pass(ctx, pass); err != nil {
			return done, fmt.Errorf("replay: retire: %w", err)
		}
	}
	if done.Faults, err = r.walk.damage.entries.result(); err != nil {
		return done, fmt.Errorf("%w: %s stays: no whole segment holds %s; audit --repair archives again what the archive lacks, "+
			"then retire when a segment's age and 10 s have passed", err, c.Key, done.Faults.List[0])
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
		return done, fmt.Errorf("%w: %s stays: %s", ErrDifference, c.Key, wrong)
	case !c.DryRun:
		done.Object, err = retired.Write(ctx, c.Bucket)
	}
	return done, err
}

// retiring is a Retire at work.
type retiring struct {
	config     RetireConfig
	retirement archive.Retirement
	source     segment.Source
	// Nothing of the gap arrived at or after until. Of what was recorded at or after young the
	// archive need not have anything yet.
	until, young time.Time
	walk         *accountReader

	mu           sync.Mutex
	replacements map[*archive.Planned][]archive.RetiredEntry
}

// begin finds the gaps that have the key. It gives nil where the segment was retired before.
func (c RetireConfig) begin(ctx context.Context) (*retiring, error) {
	plan, err := loadPlan(ctx, c.Bucket, c.Known)
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
		return nil, fmt.Errorf("%w: %s; audit names those that are", ErrNotGap, c.Key)
	}
	r := &retiring{config: c, source: gaps[0].Source, until: time.UnixMicro(until), replacements: map[*archive.Planned][]archive.RetiredEntry{}}
	r.young = time.Now().Add(-c.Grace)
	if old := r.until.Add(clockTolerance); r.young.Before(old) {
		r.young = old
	}
	known := false
	if r.retirement, known, err = archive.NewRetirement(ctx, c.Bucket, gaps); err != nil {
		return nil, fmt.Errorf("replay: retire: %w", err)
	}
	if !known {
		return nil, fmt.Errorf("%w: %s stays: nothing tells yet how far it went; audit --repair, and the shard's next segment, tell", ErrDifference, c.Key)
	}
	plan = plan.Filter(func(s archive.Planned) bool { return s.Key != c.Key })
	r.walk = &accountReader{bucket: c.Bucket, plan: plan, depth: segment.Exact, perPass: c.PassEvents, damage: &damage{}}
	r.walk.progress = c.Progress
	c.Progress.Begin("compare the archive with the journal", "events", plan.Events*int64(r.walk.passes()))
	return r, nil
}

// pass holds one part of the journal's accounts against the archive.
func (r *retiring) pass(ctx context.Context, pass int) error {
	keep := func(tenant, id string) bool { return archive.Part(tenant, id, r.walk.passes()) == pass }
	found, err := r.walk.readEntries(ctx, keep)
	if err != nil {
		return err
	}
	var listed sync.Map
	err = eachAccount(ctx, r.config.Journal, func(ctx context.Context, a event.Account) error {
		if !keep(a.Tenant, a.ID) {
			return nil
		}
		listed.Store(a, true)
		return r.account(ctx, a, found[a])
	})
	if err != nil {
		return err
	}
	// those that the index does not list yet, and those that the journal lacks
	for a, all := range found {
		if _, there := listed.Load(a); there {
			continue
		}
		if err := r.account(ctx, a, all); err != nil {
			return err
		}
	}
	return nil
}

// account holds one account's journal against what the archive has of it. What only the archive has
// is named too: a journal that lost its end cannot tell what the gap held.
func (r *retiring) account(ctx context.Context, a event.Account, all []archivedEntry) error {
	first, last := map[event.Hash]archivedEntry{}, int64(0)
	for _, h := range all {
		if was, there := first[h.Hash]; !there || h.arrived.Before(was.arrived) {
			first[h.Hash] = h
		}
		last = max(last, h.Last)
	}
	head, there := int64(0), []archivedEntry{}
	for e, err := range r.config.Journal.Entries(ctx, a, 1, 0) {
		if err != nil {
			return fmt.Errorf("journal of %s: %w", a, err)
		}
		head = e.Last
		if h, archived := first[e.Hash]; archived {
			there = append(there, h)
		} else if e.RecordedAt.Before(r.young) {
			r.walk.damage.entries.add(a, e.First, "the entry is in the journal only")
		}
	}
	if head < last {
		r.walk.damage.entries.add(a, head+1, "the archive is ahead of the journal, which cannot tell what the segment held")
	}
	r.addReplacements(there)
	return nil
}

// addReplacements has segments replace the retired one where they hold entries that come behind the
// gap and did not have to: they were recorded before its end, or later ones of the account had come
// already.
func (r *retiring) addReplacements(entries []archivedEntry) {
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

// afterGap says that an entry comes behind the gap.
func (r *retiring) afterGap(h archivedEntry) bool {
	return !h.arrived.Before(r.until) || h.in.Name.Source == r.source && (r.retirement.AfterLast == "" || stream.CompareSequence(h.in.Footer.Last, r.retirement.AfterLast) > 0)
}

// finish is the retirement with everything that replaces the segment, the same each time.
func (r *retiring) finish() *archive.Retirement {
	by := slices.SortedFunc(maps.Keys(r.replacements), func(a, b *archive.Planned) int { return strings.Compare(a.Key, b.Key) })
	for _, s := range by {
		entries := r.replacements[s]
		slices.SortFunc(entries, archive.RetiredEntry.Compare)
		r.retirement.Replace(s, entries)
	}
	return &r.retirement
}
