// Package consumer reads the shards of a stream under leases and hands their records to a Handler.
//
// A Worker takes the leases of shards in the control table and hands the records of each, in order,
// to a Handler. Workers of one name share the shards evenly, take over the shards of a dead worker
// within 1.5 leases and hand one over within 2 seconds. Parents are read to their end before their
// children. Records that the stream dropped before they were read are a hole: it is recorded,
// raises an alarm, and is healed account by account with the Heal of the consumer. A busy shard
// costs a lease write every two seconds. On a stream that reports arrivals, those of a few
// milliseconds are one batch. Health reports whether the workers of a process do their work.
//
// A record may be delivered more than once: a Handler must recognise what it already has. What the
// records mean is for the Handler (readmodel and archiver have one). Every goroutine ends with the
// context of its Run.
//
// Walk: Worker.Run -> Worker.rebalance -> snapshot.plan -> Worker.acquire -> reader.run ->
// Handler.Handle. Next on the walk: readmodel.
package consumer
