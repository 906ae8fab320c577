package opsread

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"passbook/shared/api"
	"passbook/shared/archive"
	"passbook/shared/web"
)

const (
	// planAge is how old a listing of the archive may be.
	planAge = 10 * time.Second
	// maxDays bounds the days of an answer, and usualDays is their number when none is named.
	maxDays, usualDays = 366, 92
	// maxGaps bounds the gaps of an answer; all are counted.
	maxGaps = 100
)

// plans keeps the newest listing of the archive. Its zero value has none.
type plans struct {
	mu   sync.Mutex
	plan archive.Plan
	at   time.Time
}

// plan returns a listing of the archive that is at most planAge old, and when it was made.
func (r *Reads) plan(ctx context.Context) (archive.Plan, time.Time, error) {
	r.plans.mu.Lock() // those who wait would list the same
	defer r.plans.mu.Unlock()
	if time.Since(r.plans.at) < planAge {
		return r.plans.plan, r.plans.at, nil
	}
	began := time.Now()
	plan, err := archive.LoadPlan(ctx, r.Bucket)
	if err != nil {
		return plan, began, api.Unavailable(err)
	}
	r.plans.plan, r.plans.at = plan.OfBank(r.Bank), began
	return r.plans.plan, began, nil
}

// Archive is how far the archive goes, and what it has of each day.
type Archive struct {
	AsOf api.Time `json:"as_of"`
	// CompleteUpTo is the time up to which nothing is missing, Reaches when the newest record
	// arrived; absent in an empty archive.
	CompleteUpTo api.Time `json:"complete_up_to,omitzero"`
	Reaches      api.Time `json:"reaches,omitzero"`
	// Unproven counts the shards without end markers: a loss at their end would leave no trace.
	Unproven int   `json:"unproven_shards"`
	Segments int   `json:"segments"`
	Entries  int64 `json:"entries"`
	Events   int64 `json:"events"`
	Bytes    int64 `json:"bytes"`
	// Days are the newest days that have segments, the newest first.
	Days   []Day      `json:"days"`
	Shards []ShardEnd `json:"shards"`
	// Gaps are at most maxGaps of what the archive lacks; GapCount counts all.
	GapCount int      `json:"gap_count"`
	Gaps     []string `json:"gaps"`
}

// Day is what the archive has of a day, by the arrival of each segment's first record.
type Day struct {
	Day    string     `json:"day"`
	Shards []DayShard `json:"shards"`
}

// DayShard is what the archive has of a shard on a day.
type DayShard struct {
	Shard    string `json:"shard"`
	Segments int    `json:"segments"`
	Rows     int64  `json:"rows"`
	Bytes    int64  `json:"bytes"`
	// Suspect counts the segments that are possibly not those that were archived.
	Suspect int `json:"suspect,omitempty"`
}

// ShardEnd is how far a shard was archived.
type ShardEnd struct {
	Shard        string   `json:"shard"`
	LastSequence string   `json:"last_sequence"`
	Arrived      api.Time `json:"arrived,omitzero"`
	CompleteUpTo api.Time `json:"complete_up_to,omitzero"`
	Proven       bool     `json:"proven"`
	Ended        bool     `json:"ended,omitempty"`
}

// archive answers how far the archive goes.
func (r *Reads) archive(c echo.Context) error {
	q := web.ParseQuery(c)
	days := int(q.Int("days", 1, maxDays, usualDays))
	if err := q.Problem(); err != nil {
		return err
	}
	plan, at, err := r.plan(c.Request().Context())
	if err != nil {
		return err
	}
	extent := plan.Extent()
	answer := Archive{
		AsOf: micros(at), CompleteUpTo: micros(extent.CompleteUpTo), Reaches: micros(extent.Reaches), Unproven: extent.Unproven, Segments: len(plan.Segments),
		Entries: plan.Entries, Events: plan.Events, Bytes: plan.Bytes, Days: daysOf(plan, days), Shards: []ShardEnd{}, GapCount: len(plan.Gaps), Gaps: []string{},
	}
	for _, e := range extent.Ends {
		answer.Shards = append(answer.Shards, ShardEnd{
			Shard: e.Shard, LastSequence: e.Last, Arrived: micros(e.Arrived), CompleteUpTo: micros(e.CompleteUpTo), Proven: e.Proven, Ended: e.Ended,
		})
	}
	for _, g := range plan.Gaps[:min(len(plan.Gaps), maxGaps)] {
		answer.Gaps = append(answer.Gaps, g.String())
	}
	return web.ReplyJSON(c, http.StatusOK, answer)
}

// daysOf returns the newest days of a plan, each with its shards.
func daysOf(plan archive.Plan, most int) []Day {
	type place struct{ day, shard string }
	cells := map[place]*DayShard{}
	byDay := map[string][]*DayShard{}
	for _, s := range plan.Segments {
		at := place{dayOf(s), s.Name.Source.String()}
		cell := cells[at]
		if cell == nil {
			cell = &DayShard{Shard: at.shard}
			cells[at] = cell
			byDay[at.day] = append(byDay[at.day], cell)
		}
		cell.Segments, cell.Rows, cell.Bytes = cell.Segments+1, cell.Rows+s.Footer.Rows, cell.Bytes+s.Size
		if s.Suspicion != "" {
			cell.Suspect++
		}
	}
	days := make([]Day, 0, len(byDay))
	for day, shards := range byDay {
		d := Day{Day: day}
		for _, cell := range shards {
			d.Shards = append(d.Shards, *cell)
		}
		slices.SortFunc(d.Shards, func(a, b DayShard) int { return cmp.Compare(a.Shard, b.Shard) })
		days = append(days, d)
	}
	slices.SortFunc(days, func(a, b Day) int { return cmp.Compare(b.Day, a.Day) })
	return days[:min(len(days), most)]
}

// dayOf returns the day of a segment.
func dayOf(s archive.Planned) string { return s.Name.Date.Format(time.DateOnly) }

// micros returns an instant as answers have it; the zero Time for none.
func micros(t time.Time) api.Time {
	if t.IsZero() {
		return api.Time{}
	}
	return api.Time{Time: t.UTC().Truncate(time.Microsecond)}
}
