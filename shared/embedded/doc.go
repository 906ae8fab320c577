// Package embedded is the Pebble database of the embedded table and stream. Both share it, so that
// they share a commit, and a checkpoint is never ahead of the records that it is derived from.
//
// It makes four promises. One process uses a data directory (others get ErrLocked). A directory
// whose format this program does not know is not changed (ErrFormat). Commit returns nil after the
// write is on disk: one goroutine writes all changes that gathered since its last fsync as one
// batch, so many callers share one fsync. And a View shows only what is on disk: it is taken after
// an fsync and before the next batch, so a power cut never takes back what a reader has seen.
//
// It does not know rows and records: its only users, the adapters pebbletable and pebblestream,
// have one keyspace each.
//
// Walk: Open -> DB.Commit -> DB.View; then pebbletable.
package embedded
