// Package stream is the port to a sharded, ordered, expiring log: Kinesis Data Streams on AWS,
// Pebble on one machine.
//
// It promises what Kinesis promises and no more. A shard keeps its records in sequence order; a Put
// may fail for some records and succeed for later ones of the same key; anything may be delivered
// twice; sequence numbers have gaps, so nothing can be proven complete from them; shards split and
// merge, and a parent is read to its end before its children; what is older than the retention is
// gone, and a position before it is ErrTrimmed, never silently moved.
//
// What Kinesis does not do, the callers do: order per account is the publisher's work, completeness
// the consumers', by the account's own versions.
//
// Adapters: pebblestream (the embedded engine), kinesisstream (AWS). The suite that every adapter
// passes is streamtest. Next on the walk: publisher writes it, consumer reads it.
package stream
