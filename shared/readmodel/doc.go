// Package readmodel folds the entries of the stream into the rows of a read model, and reads them.
//
// A Model describes a state and how events change it. A Projection is the consumer.Handler that
// folds each account's entries by the version rule, fills gaps from the journal, and puts an
// account that cannot be folded into quarantine without delaying any other. State and progress are
// one conditional write, so a batch that is read twice, a process that lost its shard, or a
// shuffled stream does no harm. Rows reads the rows and waits for a version. Generations of a model
// exist beside each other: a Projector runs a consumer.Worker for each, and Promote changes which
// one readers get.
//
// It does not read the stream (package consumer does) and does not know what a state means (balance
// and creditlimit do). Only Discard deletes rows.
//
// Walk: Projector.Run -> Projection.Open -> shardProjection.Handle -> projectTogether (or
// project, for what needs more) -> advance -> fold -> save -> Rows.Get. Next on the walk: balance.
package readmodel
