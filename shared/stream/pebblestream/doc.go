// Package pebblestream is the embedded adapter of the stream port, on the Pebble database of
// package embedded.
//
// A record is one key: stream, shard, sequence number. Sequence numbers come from one counter of
// the database, are given in the order in which records become visible, and are never given again.
// A reader looks at what is on disk already, so no record that was read is ever lost, and none
// appears behind a reader. Shards split and merge as those of Kinesis do; records older than the
// retention are trimmed, by whoever calls next.
//
// CreateStream, DeleteStream, Split, Merge and Trim are beyond the port, for setup and tests.
// Kinesis fails in ways that a healthy disk does not; tests of callers imitate them with package
// faults.
//
// Next on the walk: bucket.
package pebblestream
