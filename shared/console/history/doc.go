// Package history makes the pages of single events: how one came about and where it went, with its
// hash to be computed again in the browser; and the search over accounts, events, holders and
// correlation ids.
//
// Everything is read from the API as the person who looks. A search that has one answer leads
// straight to it.
//
// Walk: Routes -> pages.event -> pages.search -> find. Next on the walk: session.
package history
