// Package golden keeps small data directories that earlier programs wrote, and checks that every
// row and object in a directory is as docs/formats.md describes it.
//
// testdata has directory-1, which the first release wrote (commit b536342) with commands of every
// kind, a rebuild and a restart; directory-2, the same after later programs continued it: with
// holes, a quarantined record, a retired segment, and writers that were killed; and directory-3,
// which the last release before entry format 2 (commit c6765de) began and a later one upgraded,
// with a rotated data key, commands of every kind, a rebuild and a restart. They never change.
// Their accounts were last written on 29 and 30 November 2026, so a machine whose clock is more
// than 31 days behind that refuses new commands for them.
//
// It is for tests. Next on the walk: cmd/bank/e2e, where today's bank continues directory-1.
package golden
