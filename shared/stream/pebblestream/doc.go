// Package pebblestream is the embedded adapter of the stream port, on the Pebble database of
// package embedded.
//
// A record is one key: stream, shard, sequence number. Sequence numbers come from one counter of
// the database, rise in the order in which records become visible, and are never used twice. A
// reader reads only what is on disk already, so a record that was read is never lost, and none
// appears behind a reader. Shards split and merge as those of Kinesis do. Any call may trim the
// records that are older than the retention.
//
// The newest records are kept in memory, bounded by bytes, and readers that follow the stream get
// them from there, each once it is durable.
//
// CreateStream, DeleteStream, Split, Merge and Trim are beyond the port, for setup and tests.
// Kinesis fails in ways that a healthy disk does not; tests of callers imitate them with package
// faults.
//
// Walk: Stream.Put -> put.stage; Stream.Iterator -> Stream.Get; then bucket.
package pebblestream
