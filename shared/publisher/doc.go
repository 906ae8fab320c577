// Package publisher takes committed entries from the journal to the stream.
//
// Publisher is the journal's outbox. It keeps each account's entries in version order by having at
// most one of an account in flight, sends different accounts together in batches, sends again what
// the stream refused, and drops nothing by age. A busy account is slowed down to the pace of the
// stream. What waits is bounded: when it is full the journal takes no more commands. It reports
// when the stream takes nothing, and why. Records are JSON, or compressed where that is asked for.
// Sender does the same for the records of a job.
//
// Drainer publishes what other processes committed and did not live to publish. A writer whose
// heartbeat does not move for a lease is dead, and is drained: everything after the point that it
// had saved is read from the journal's writer index and published, in the writer's own order. As
// the index is eventually consistent, it is read again after 10 s, 1 min, 10 min, 1 h and 24 h;
// then the writer's row is removed. A drainer renews its lease on the tail while it advances, and
// saves which entries the stream has, so that the next drainer leaves those out.
//
// It promises at least once, and first occurrences in version order except after a crash. Consumers
// drop duplicates: next on the walk is consumer.
//
// Walk: Publisher.Publish -> Publisher.next -> Publisher.put -> journal.Journal.Acked.
package publisher
