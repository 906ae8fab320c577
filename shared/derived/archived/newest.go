package archived

import (
	"cmp"
	"slices"

	"passbook/shared/derived"
	"passbook/shared/event"
)

// item is an event with the place of its entry.
type item struct {
	place string
	derived.Found
}

// newest keeps the newest events of those that it gets, each once.
type newest struct {
	filter derived.Filter
	at     derived.Position
	limit  int
	items  []item
}

// selects reports whether an event of an entry follows the position, and the filter selects it.
func (n *newest) selects(e *event.Entry, place string, ev event.Event) bool {
	return n.at.Has(place, ev.Version) && n.filter.Matches(e, ev)
}

// wants reports whether an event of an entry is selected.
func (n *newest) wants(e *event.Entry) bool {
	place := derived.PlaceOf(e)
	return slices.ContainsFunc(e.Events, func(ev event.Event) bool { return n.selects(e, place, ev) })
}

// add adds the events of an entry that are selected.
func (n *newest) add(e *event.Entry) {
	place := derived.PlaceOf(e)
	for _, ev := range e.Events {
		if n.selects(e, place, ev) {
			n.items = append(n.items, item{place, derived.Found{Event: ev, Entry: e}})
		}
	}
	if len(n.items) > 8*n.limit {
		n.settle()
	}
}

// settle sorts what was added, newest first, and forgets doubles and what is beyond the limit.
func (n *newest) settle() {
	slices.SortFunc(n.items, func(a, b item) int {
		return cmp.Or(cmp.Compare(b.place, a.place), cmp.Compare(b.Version, a.Version))
	})
	n.items = slices.CompactFunc(n.items, func(a, b item) bool { return a.place == b.place && a.Version == b.Version })
	if len(n.items) > n.limit {
		clear(n.items[n.limit:])
		n.items = n.items[:n.limit]
	}
}

// after returns the events that were recorded after a microsecond, newest first.
func (n *newest) after(micros int64) []item {
	n.settle()
	end := slices.IndexFunc(n.items, func(i item) bool { return i.Entry.RecordedAt.UnixMicro() <= micros })
	if end < 0 {
		return n.items
	}
	return n.items[:end]
}

// page returns events as a page, and the position after the last.
func page(items []item) (found []derived.Found, last derived.Position) {
	for _, i := range items {
		found, last = append(found, i.Found), derived.PositionAfter(i.place, i.Version)
	}
	return found, last
}
