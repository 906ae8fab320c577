// Package restorer puts archived entries back into a journal that was lost.
//
// It promises that a restored row is the one that the journal wrote, but for the writer, as nobody
// needs to publish it. It does not check that an account's entries come in order: package replay
// does.
//
// Walk: Restorer.Restore -> rowsOf. Next on the walk: replay.
package restorer
