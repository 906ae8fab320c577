// Package consumer reads a stream under leases, and projects what it reads into rows.
//
// A Worker owns shards by leases in the control table and hands their records, in order, to a
// Handler. Workers of one name share the shards evenly, take over from a dead one within 1.5 leases
// and hand one over within 2 seconds. Parents are read to their end before their children. What the
// stream dropped before it was read is a hole: recorded, alarmed, and healed from the journal. A
// busy shard costs a lease write in two seconds. Health says whether the workers of a process do
// their work.
//
// A Projection is the Handler of the read models: it folds each account's entries by the version
// rule, fills gaps from the journal, and sets an account that cannot be folded aside without
// holding up any other. State and progress are one conditional write, so a batch read twice, a
// zombie, or a shuffled stream can do no harm; checkpoints only save work. Rows is the reading half
// of the same rows. Generations of a model live beside each other, and Follow runs a Worker for
// each.
//
// It leaves what a state means to each Model, and publishing to the publisher. Every goroutine ends
// with the context of its Run.
//
// Walk: Worker.Run -> survey -> reader.run -> Projection.Handle -> project -> advance -> save; then
// balance and creditlimit.
package consumer
