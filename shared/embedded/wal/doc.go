// Package wal distinguishes a damaged write-ahead log from one whose end was cut off by a crash.
//
// Pebble takes the first chunk that it cannot read for the torn end of the newest log, unless a
// later block proves otherwise, and silently drops what follows it: one flipped bit near the end
// takes back commits that were answered. Check reads the log once more, before Pebble replays it,
// and finds every damage behind which a later commit or the regular end of the log can still be
// read. Commits are written one at a time, each after the sync of the one before, so a readable
// later commit proves that the damaged one had been on disk. The check costs one read of the newest
// log and no second sync of a commit.
//
// It cannot prove damage in the very last commit of a process that was killed: that looks like a
// torn write, and otherwise every torn log would be refused. Damage in older logs is refused by
// Pebble itself.
//
// Walk: Check -> scan.run -> scan.prove; Cut.
package wal
