// Package publisher takes committed entries from the journal to the stream.
//
// Publisher is the journal's outbox: it keeps each account's entries in version order by having at
// most one of an account in flight, sends different accounts together in batches, repeats what the
// stream refused, and drops nothing by age. A busy account is held back to the pace of the stream.
// What it holds is bounded: when it is full the journal takes no more commands. It says when the
// stream takes nothing, and why.
//
// Drainer publishes what other processes committed and did not live to publish. A writer whose
// heartbeat stands still for a lease is dead; from then on it is draining: everything after the
// point that it had saved is read from the journal's writer index and published, in the writer's
// own order, and, because the index is eventually consistent, read again after 10 s, 1 min, 10 min,
// 1 h and 24 h. Then its row goes. Who drains renews its hold, however long the tail, as long as it
// goes forward, and writes down which entries the stream has; who goes on leaves those out, and who
// gives a tail up sends no more of it.
//
// It promises at least once, and first occurrences in version order except after a crash.
// Duplicates are the consumers' to drop: next on the walk is consumer.
package publisher
