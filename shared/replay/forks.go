package replay

import (
	"cmp"
	"slices"

	"passbook/shared/event"
)

// An account may have two histories, if a bank was begun with an empty database beside the archive
// of another one, under the same stream name. The stream was created again, so the two are in
// different incarnations of it.

// older reports whether an entry was archived in an earlier incarnation of the same stream.
func (h archivedEntry) older(than archivedEntry) bool {
	a, b := h.in.Name.Source, than.in.Name.Source
	return a.Stream == b.Stream && a.Created.Before(b.Created)
}

// withoutForks divides an account's entries, without exact repeats: into the history of the older
// incarnation of the stream, in version order, and the entries of later incarnations with the same
// versions, or that follow such entries. Two entries of one incarnation are both kept, since
// nothing shows which one is wrong.
func withoutForks(all []archivedEntry) (kept, later []archivedEntry) {
	slices.SortStableFunc(all, func(a, b archivedEntry) int {
		return cmp.Or(cmp.Compare(a.First, b.First), a.in.Name.Created.Compare(b.in.Name.Created))
	})
	wrong := map[event.Hash]bool{}
	drop := func(e archivedEntry) { later, wrong[e.Hash] = append(later, e), true }
	for _, e := range all {
		for len(kept) > 0 && kept[len(kept)-1].Last >= e.First && e.older(kept[len(kept)-1]) {
			drop(kept[len(kept)-1])
			kept = kept[:len(kept)-1]
		}
		if wrong[e.Prev] || len(kept) > 0 && kept[len(kept)-1].Last >= e.First && kept[len(kept)-1].older(e) {
			drop(e)
			continue
		}
		kept = append(kept, e)
	}
	return kept, later
}
