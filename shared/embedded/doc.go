// Package embedded is the one Pebble database under the embedded table and stream, so that both
// share a commit and a checkpoint can never be ahead of the records that it rests on.
//
// It promises four things. One process holds a data directory (ErrLocked otherwise). A directory of
// a format that this program does not know is left untouched (ErrFormat). Commit answers nil after
// the write is on disk: one goroutine writes whatever has gathered since its last fsync as one
// batch, so that many callers share one fsync. And a View shows only what is on disk: a power cut
// takes nothing back that a reader has seen, for each view is taken after an fsync and before the
// next batch.
//
// It knows nothing of rows and records: the adapters pebbletable and pebblestream, its only users,
// own one keyspace each. Next on the walk: pebbletable.
package embedded
