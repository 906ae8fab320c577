package creditlimit

import (
	"context"
	"errors"
	"slices"
	"sync"

	"passbook/shared/api"
	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/shared/readmodel"
)

const (
	// countEvery is how many versions lie between two counts that are kept.
	countEvery = 500
	// maxCounts bounds the counts in memory, which take 16 bytes each.
	maxCounts = 100_000
)

// declineCounter counts an account's declines up to a version. History does not change, so a count
// stays right; it keeps one for each 500 versions that it has read, in bounded memory. Most
// accounts have never had a decline, which their row says, and then it reads nothing. Safe for
// concurrent use.
type declineCounter struct {
	journal *journal.Reader
	rows    *Store

	mu   sync.Mutex
	kept map[string][]count // by rising version
	size int
}

// count is how many declines there were up to a version.
type count struct{ version, declines int64 }

// newDeclineCounter returns a counter that begins at the rows' own counts.
func newDeclineCounter(r *journal.Reader, rows *Store) *declineCounter {
	return &declineCounter{journal: r, rows: rows, kept: map[string][]count{}}
}

// At returns how many declines there were up to a version that the account has. It counts from the
// nearest known count, forwards or backwards.
func (d *declineCounter) At(ctx context.Context, of event.Account, version int64) (int64, error) {
	row, err := d.rows.Get(ctx, of)
	switch {
	case errors.Is(err, readmodel.ErrNoRow), errors.Is(err, readmodel.ErrBehind): // a late row is no reason to refuse the past
	case err != nil:
		return 0, api.RowsUnavailable(err)
	case row.Version >= version && row.State.Declines == 0:
		return 0, nil
	}
	from := d.nearest(of, version, count{row.Version, row.State.Declines})
	found, err := d.walk(ctx, of, from, version)
	if err != nil {
		return 0, err
	}
	d.keep(of, found)
	return found[len(found)-1].declines, nil
}

// nearest returns the known count that is nearest to a version. At version 0 there are none.
func (d *declineCounter) nearest(of event.Account, version int64, row count) count {
	d.mu.Lock()
	defer d.mu.Unlock()
	best := count{}
	if distance(row.version, version) < distance(0, version) {
		best = row
	}
	for _, c := range d.kept[of.String()] {
		if distance(c.version, version) < distance(best.version, version) {
			best = c
		}
	}
	return best
}

// distance returns how many versions lie between two.
func distance(a, b int64) int64 { return max(a-b, b-a) }

// walk counts from a known count to a version, and returns the counts on the way. The last is that
// of the version.
func (d *declineCounter) walk(ctx context.Context, of event.Account, from count, version int64) ([]count, error) {
	low, high := min(from.version, version)+1, max(from.version, version)
	marks := []count{{low - 1, 0}} // counted from the lower end
	if low > high {
		return []count{from}, nil
	}
	seen := int64(0)
	for entry, err := range d.journal.Entries(ctx, of, low, high) {
		if err != nil {
			return nil, api.Unavailable(err)
		}
		for _, ev := range entry.Events {
			if ev.Version < low || ev.Version > high {
				continue
			}
			if _, declined := ev.Body.(event.WithdrawalDeclined); declined {
				seen++
			}
			if ev.Version%countEvery == 0 || ev.Version == high {
				marks = append(marks, count{ev.Version, seen})
			}
		}
	}
	base := from.declines
	if from.version > version {
		base -= seen
		slices.Reverse(marks)
	}
	for i := range marks {
		marks[i].declines += base
	}
	return marks, nil
}

// keep keeps counts. When there are too many it forgets all: they cost one more walk.
func (d *declineCounter) keep(of event.Account, found []count) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.size+len(found) > maxCounts {
		clear(d.kept)
		d.size = 0
	}
	all := d.kept[of.String()]
	for _, c := range found {
		if i, known := slices.BinarySearchFunc(all, c, func(a, b count) int { return int(a.version - b.version) }); !known && c.version%countEvery == 0 {
			all = slices.Insert(all, i, c)
			d.size++
		}
	}
	d.kept[of.String()] = all
}
