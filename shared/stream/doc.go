// Package stream is the port to a sharded, ordered, expiring log: Kinesis Data Streams on AWS,
// Pebble on one machine.
//
// It promises what Kinesis promises and no more. A shard keeps its records in sequence order; a Put
// may fail for some records and succeed for later ones of the same key; any record may be delivered
// twice; sequence numbers have gaps, so they cannot prove that nothing is missing; shards split and
// merge, and a parent is read to its end before its children; records older than the retention are
// deleted, and a position before them is ErrTrimmed, never silently moved.
//
// The callers do what Kinesis does not: the publisher keeps the order of each account, and the
// consumers check that nothing is missing by the versions of the account.
//
// Adapters: pebblestream (the embedded engine), kinesisstream (AWS). Every adapter passes the suite
// streamtest.
//
// Next on the walk: publisher writes it, consumer reads it.
package stream
