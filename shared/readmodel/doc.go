// Package readmodel folds the entries of the stream into the rows of a read model, and reads them.
//
// A Model says what a state is and how an event changes it. A Projection is the consumer.Handler
// that folds each account's entries by the version rule, fills gaps from the journal, and puts an
// account that cannot be folded into quarantine without delaying any other. State and progress are
// one conditional write, so that a batch read twice, a process that lost its shard, or a shuffled
// stream can do no harm. Rows reads the rows and waits for a version. Generations of a model exist
// beside each other; Follow runs a consumer.Worker for each, and Promote changes which one readers
// are given.
//
// It does not read the stream (package consumer does) and does not know what a state means (balance
// and creditlimit do). It deletes no row but by Discard.
//
// Walk: Follow -> consumer.New -> Projection.Open -> projecting.Handle -> project -> advance ->
// save; then Rows.Get.
package readmodel
