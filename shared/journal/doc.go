// Package journal keeps every account's history: the one place where money moves, and the source of
// everything else.
//
// One entry is one conditional put at (account, first version), condition "absent". That put is at
// once the optimistic lock, the atomic append of several events, the idempotency record, the
// snapshot and the outbox. Nothing in the journal is ever updated or deleted.
//
// Journal is the writing half. Commands on one account queue in its lane: one goroutine per busy
// account decides them one after another on the evolving state and commits them together, so that a
// hot account costs one put per round trip and not one per command. A caller is answered after the
// commit, never before. Reader is the reading half, for queries, consumers and jobs, and Restorer
// puts archived entries back.
//
// It promises: versions without a gap; a command key repeated within 24 hours gets its first
// answer; a rejection is answered only from a state just confirmed; what is answered is durable. It
// does not know the rules: they are the Decide function in each Command. It does not send to the
// stream: it hands every committed entry, in version order, to package publisher.
//
// Walk: Journal.Execute -> lane.run -> lane.plan -> plan.decide -> lane.commit. Next on the walk:
// publisher.
package journal
