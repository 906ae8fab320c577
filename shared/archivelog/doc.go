// Package archivelog is the signed log of an archive: a Merkle tree (RFC 6962) whose leaves name
// the archive's segments, and checkpoints of it that the bank signs.
//
// It promises that the log only grows: the order of the leaves is decided by conditional writes of
// one row of the control table, every object in the bucket is created once, and a checkpoint is
// signed only over leaves that the row has. A crash at any step is completed by the next process
// from the row. A segment becomes a leaf only if this process sealed it, or after it was read whole
// and no entry of it was foreign. Those who may only write into the bucket can delay the log, which
// Ready names, but neither add to it nor take from it unseen by people who keep a checkpoint.
//
// The signature says that the bank archived these bytes, in this order. It does not promise that
// they are all that the journal has: audit compares the two.
//
// Walk: Leaf -> tree -> Checkpoint -> Log.Append, then Checkpoints and Read for readers. Next on
// the walk: replay.
package archivelog
