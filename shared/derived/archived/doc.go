// Package archived lists events that the index of package derived has no more, from the segments of
// the archive, in the same order and to the same filter.
//
// A page reads segments, those with the newest events first, until it is full or maxRows rows were
// read; segments whose times overlap are read together, because only then the order is known and an
// event that is in two of them comes once. So a page may be short or empty and still have a next
// one. It skips nothing in silence: a page ends before a damaged segment or a gap, and the next one
// is a DamageError that names it.
//
// It knows neither the index nor the journal, and does not list by holder: the accounts of a holder
// have their own histories, which are whole.
//
// Walk: Events.List -> plans.load -> newest.add. Next on the walk: balance.
package archived
