// Package outline reads of a history what charts and counts need: of each event the version, the
// type, the amounts after it and when it was recorded.
//
// It takes a fraction of the time of reading whole entries, because it verifies no hash and looks
// at neither commands nor data. Nothing that is decided or proven may rest on it.
//
// Walk: Read. Next on the walk: series.
package outline
