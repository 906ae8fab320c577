// Package journal keeps every account's history: the one place where money moves, and the source of
// everything else.
//
// One entry is one conditional put at (account, first version), condition "absent". That put is at
// once the optimistic lock, the atomic append of several events, the idempotency record, the
// snapshot and the outbox. Nothing in the journal is ever updated or deleted.
//
// Journal is the writing half. Commands on one account queue in its lane, which decides them one
// after another on the evolving state and commits them together, so that a hot account costs one
// put per round trip and not one per command. Where the table puts many rows at about the cost of
// one, lanes work in rounds: a few workers each take the lanes that are ready, decide them one
// after another, and commit their entries by one call. A lane that needs another call, such as a
// read, a transaction, or the repetition of an unanswered put, leaves the rounds and runs alone for
// as long. A caller is answered after the commit, never before. Reader is the reading half, for
// queries, consumers and jobs, and package restorer puts archived entries back.
//
// It promises: versions without a gap; a command key repeated within 24 hours gets its first
// answer; a rejection is answered only from a state just confirmed; what is answered is durable. It
// does not know the rules: they are the Decide function in each Command. It does not send to the
// stream: it hands every committed entry, in version order, to package publisher.
//
// Walk: Journal.Execute -> rounds.work -> lane.join -> plan.decide -> round.commit; alone,
// lane.work -> lane.process. Next on the walk: publisher.
package journal
