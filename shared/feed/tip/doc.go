// Package tip reads the newest records of each shard once for all feeds of a process, on a stream
// that does not report arrivals: from a registered consumer (enhanced fan-out), or by polls.
//
// It promises that all processes together read a shard by stream.Stream.Get at most once in 2
// seconds, be it for its newest records or for feeds that catch up: that needs a lease in the
// control table. A process whose fan-out does not deliver within 10 seconds polls if it gets the
// lease, and says so in its log, its metrics and the feeds' heartbeats; if another process has it,
// Enter says which. A reader that has joined a Tip gets every record that follows its place, or
// ErrLost.
//
// It does not promise to keep what a slow reader still needs: a shard's newest records are kept up
// to a bound, and all of them up to MaxBytes.
//
// Each process registers its own consumer, when it serves its first feed, and removes it at
// its end. It counts up a row while it lives, by which the others find the consumers of dead
// processes and remove them.
//
// Walk: Tips.Enter -> Tips.Run -> Tips.Open -> Tip.fill -> Tip.Join -> Reader.Read; Tips.Turn. Next
// on the walk: stream.
package tip
