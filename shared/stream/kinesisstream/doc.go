// Package kinesisstream is the AWS adapter of the stream port: Kinesis Data Streams.
//
// A name is the stream's own, prefix included. An iterator is the string that Kinesis gave, or
// endOfShard where a closed shard was read to its end already. Kinesis moves a position that it no
// longer has to the oldest record, and says nothing; Iterator therefore reads the one record that a
// sequence number names, and answers ErrTrimmed when it finds another or none; a time is ErrTrimmed
// when it is older than the 24 hours that every stream keeps, also where more is kept by now: a
// retention that was raised brings back nothing. Two limits remain. Where the newest record of an
// idle shard is trimmed, nothing can show that none followed it: ErrTrimmed. And an iterator in use
// is moved like any position: a reader that is a whole retention behind loses records unseen, until
// the account's own versions show it.
//
// Calls are repeated at one layer only. Put, Iterator and Get are tried once: publisher and
// consumer repeat them, with a back-off of their own. Shards, Created and Check are tried 3 times
// by the SDK, what sets up or reshards a stream 5 times. The settings AWS_MAX_ATTEMPTS and
// AWS_RETRY_MODE change none of it.
//
// Every call has a deadline, or its caller's if that is sooner: 5 s for a put, a description, a
// page of shards and an iterator, 15 s for a read, which may be of 10 MiB at the 2 MB/s of a shard,
// 2 minutes, waiting included, to set up. Readers poll: no Notifier. CreateStream, DeleteStream,
// Split, Merge, UpdateShardCount and Check are beyond the port, for setup and tests. Next on the
// walk: bucket.
package kinesisstream
