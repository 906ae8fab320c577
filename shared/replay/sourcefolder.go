package replay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"passbook/shared/archive"
	"passbook/shared/event"
	"passbook/shared/origin"
	"passbook/shared/progress"
	"passbook/shared/readmodel"
	"passbook/shared/replay/marks"
	"passbook/shared/segment"
)

// sourceFolder is the sink of one source. It collects the entries of each account over as many
// segments as make a chunk, so that a row is written once for each chunk. It folds the entries that
// are the bank's; if they are from before macs, proveRows proves the row that they made.
type sourceFolder struct {
	to Projection
	// chunkEvents is the size of a chunk.
	chunkEvents int64
	marks       *marks.Marks
	// events counts what was folded, for all sources together.
	events   *atomic.Int64
	progress *progress.Tracker
	damage   *damage
	origin   *origin.Proof
	journal  readmodel.History
	chunk    map[event.Account][]archivedEntry
	size     int64
	ended    *archive.Planned // the last segment that ends in the chunk
	// tips are the newest entries without a mac that this source had of each account, about 150
	// bytes each.
	tips map[event.Account]origin.Link
}

func (f *sourceFolder) Keeps(string, string) bool { return true }

func (f *sourceFolder) Take(ctx context.Context, in *archive.Planned, rec segment.Record) error {
	if f.chunk == nil {
		f.chunk = make(map[event.Account][]archivedEntry)
	}
	a := rec.Entry.Account()
	f.chunk[a] = append(f.chunk[a], archivedEntry{rec.Entry, in, rec.Arrived})
	f.size += int64(len(rec.Entry.Events))
	if f.size < f.chunkEvents {
		return nil
	}
	return f.fold(ctx)
}

func (f *sourceFolder) EndSegment(s *archive.Planned) { f.ended = s }

func (f *sourceFolder) EndSource(ctx context.Context) error { return f.fold(ctx) }

func (f *sourceFolder) Damaged(in *archive.Planned, err error) error { return f.damage.add(in, err) }

// fold projects the chunk and marks how far the source is folded.
func (f *sourceFolder) fold(ctx context.Context) error {
	group, within := errgroup.WithContext(ctx)
	group.SetLimit(accountsAtOnce)
	for _, a := range inOrder(f.chunk) {
		own, err := f.own(within, a, f.chunk[a])
		if err != nil {
			return errors.Join(err, group.Wait())
		}
		if len(own) > 0 {
			group.Go(func() error { return f.to.ProjectEntries(within, a, own) })
		}
	}
	err := group.Wait()
	if err != nil {
		return err
	}
	f.events.Add(f.size)
	f.progress.Add(f.size)
	clear(f.chunk)
	f.size = 0
	if f.ended != nil {
		err = f.marks.Mark(ctx, *f.ended)
	}
	f.ended = nil
	return err
}

// own returns the entries of an account that are the bank's, in order of version, and reports the
// others.
func (f *sourceFolder) own(ctx context.Context, a event.Account, all []archivedEntry) ([]*event.Entry, error) {
	slices.SortStableFunc(all, func(a, b archivedEntry) int { return cmp.Compare(a.First, b.First) })
	var d divided
	own := make([]*event.Entry, 0, len(all))
	for _, e := range all {
		err := f.verify(ctx, e.Entry)
		if err != nil {
			err = d.add(e, err)
			if err != nil {
				return nil, err
			}
			continue
		}
		own = append(own, e.Entry)
		if f.origin.NeedsChain(e.Entry) {
			f.follow(a, e)
		}
	}
	f.damage.leaveOut(a, d)
	return own, nil
}

// verify verifies an entry, by the journal if it is one without a mac from after the switch.
func (f *sourceFolder) verify(ctx context.Context, e *event.Entry) error {
	err := f.origin.Verify(ctx, e)
	if !errors.Is(err, origin.ErrUnproven) {
		return err
	}
	committed, failed := committedAt(ctx, f.journal, e.Account(), e.Last)
	switch {
	case failed != nil:
		return failed
	case committed != nil && committed.First == e.First && committed.Hash == e.Hash:
		return nil
	}
	return fmt.Errorf("%w: it has no mac, and the journal does not have it", event.ErrForeign)
}

// follow compares an entry without a mac with the account's one before it, and reports it if one of
// the two cannot be of the account's history. Which of them is not, and entries that come late, are
// left to the version rule: the row becomes what the journal makes it.
func (f *sourceFolder) follow(a event.Account, e archivedEntry) {
	tip, known := f.tips[a]
	switch {
	case known && e.Last < tip.Last, known && e.Hash == tip.Hash:
		return
	case known && e.Last == tip.Last, known && e.First == tip.Last+1 && e.Prev != tip.Hash:
		f.damage.entries.add(a, e.First, "foreign: this entry without a mac or the one before it: their hashes do not follow each other: in %s", e.in.Key)
	}
	f.tips[a] = origin.LinkOf(e.Entry)
}
