// Package wal tells a write-ahead log that is damaged from one whose end was cut off by a crash.
//
// Pebble takes the first chunk that it cannot read for the torn end of the newest log, unless a
// later block proves otherwise, and drops what lies behind it without a word: one flipped byte near
// the end takes back commits that were answered. Check looks once more, before Pebble replays, and
// finds every damage behind which a later commit or the log's regular end can still be read:
// commits are written one at a time, each after the sync of the one before, so what can be read
// there proves that the damaged one had been on disk. It costs one reading of the newest log and no
// second sync of a commit.
//
// It cannot prove damage in the very last commit of a process that was killed: that looks like a
// write that was cut off, and every log that was cut off would be refused. What lies in older logs
// Pebble itself refuses. Next on the walk: embedded, which asks.
package wal
