package creditlimit

import (
	"context"
	"errors"
	"slices"
	"sync"

	"passbook/shared/api"
	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/shared/journal/outline"
	"passbook/shared/readmodel"
)

const (
	// countEvery is how many versions lie between two counts that are kept.
	countEvery = 500
	// maxCounts bounds the counts in memory, which take 16 bytes each.
	maxCounts = 100_000
)

// declineCounter counts an account's declines up to a version. Its row has marks where they were,
// which tell most counts; between two marks with several declines it reads the history. History
// does not change, so a count stays right: it keeps one for each 500 versions that it has read, in
// bounded memory. Safe for concurrent use.
type declineCounter struct {
	journal *journal.Reader
	rows    *Store

	mu   sync.Mutex
	kept map[string][]count // by rising version
	size int
}

// newDeclineCounter returns a counter that begins at the rows' own counts.
func newDeclineCounter(r *journal.Reader, rows *Store) *declineCounter {
	return &declineCounter{journal: r, rows: rows, kept: map[string][]count{}}
}

// At returns how many declines there were up to a version that the account has.
func (d *declineCounter) At(ctx context.Context, of event.Account, version int64) (int64, error) {
	row, err := d.rows.Get(ctx, of)
	switch {
	case errors.Is(err, readmodel.ErrNoRow), errors.Is(err, readmodel.ErrBehind): // a late row is no reason to refuse the past
	case err != nil:
		return 0, api.RowsUnavailable(err)
	}
	below, above := d.around(of, version, known(row))
	if below.version == version || below.declines == above.declines && above.version > 0 {
		return below.declines, nil
	}
	from := below
	if above.version > 0 && above.version-version < version-below.version {
		from = above
	}
	found, err := d.walk(ctx, of, from, version)
	if err != nil {
		return 0, err
	}
	d.keep(of, found)
	return found[len(found)-1].declines, nil
}

// around returns the known counts that are nearest to a version: the last one that is not after it,
// and the first one after it, which is zero if there is none.
func (d *declineCounter) around(of event.Account, version int64, row []count) (below, above count) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, all := range [][]count{row, d.kept[of.String()]} {
		i, exact := slices.BinarySearchFunc(all, version, func(c count, version int64) int { return int(c.version - version) })
		if exact {
			return all[i], count{}
		}
		if i > 0 && all[i-1].version > below.version {
			below = all[i-1]
		}
		if i < len(all) && (above.version == 0 || all[i].version < above.version) {
			above = all[i]
		}
	}
	return below, above
}

// walk counts from a known count to a version, and returns the counts on the way. The last is that
// of the version.
func (d *declineCounter) walk(ctx context.Context, of event.Account, from count, version int64) ([]count, error) {
	low, high := min(from.version, version)+1, max(from.version, version)
	marks := []count{{low - 1, 0}} // counted from the lower end
	seen := int64(0)
	for e, err := range outline.Read(ctx, d.journal, of, low, high) {
		if err != nil {
			return nil, api.Unavailable(err)
		}
		if e.Type == (event.WithdrawalDeclined{}).Type() {
			seen++
		}
		if e.Version%countEvery == 0 || e.Version == high {
			marks = append(marks, count{e.Version, seen})
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
	if len(all) > 0 {
		d.kept[of.String()] = all
	}
}
