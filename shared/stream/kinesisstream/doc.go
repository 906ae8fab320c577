// Package kinesisstream is the AWS adapter of the stream port: Kinesis Data Streams.
//
// A name is the full name of a stream, with the prefix. An iterator is the string that Kinesis
// returned, or endOfShard after the end of a closed shard. Kinesis silently moves a position that
// it no longer has to the oldest record. Iterator therefore reads the record of the sequence
// number, and returns ErrTrimmed if it finds another one or none. A time is ErrTrimmed if it is
// older than the 24 hours that every stream keeps, even if the stream keeps more by now, because
// raising a retention brings nothing back.
//
// Two limits remain. If the newest record of an idle shard was trimmed, nothing can prove that none
// followed it: ErrTrimmed. And Kinesis moves an iterator in use as well: a reader that is a whole
// retention behind misses records without an error, until the versions of the accounts show it.
//
// Calls are repeated in one layer only. Put, Iterator and Get are tried once: publisher and
// consumer repeat them with their own backoff. The SDK tries Shards, Created and Check 3 times, and
// calls that set up or reshard a stream 5 times. AWS_MAX_ATTEMPTS and AWS_RETRY_MODE change none of
// it.
//
// Every call has a deadline, or that of its caller if it is sooner: 5 s for a put, a description, a
// page of shards and an iterator; 15 s for a read, which may be 10 MiB at the 2 MB/s of a shard;
// and 2 minutes for setting up a stream, waiting included. Readers poll, or subscribe to shards
// (enhanced fan-out): there is no Notifier. CreateStream, DeleteStream, Split, Merge,
// UpdateShardCount and Check are beyond the port, for setup and tests.
//
// Walk: Stream.Put; Stream.Iterator -> Stream.verifiedIterator; Stream.Get; then bucket.
package kinesisstream
