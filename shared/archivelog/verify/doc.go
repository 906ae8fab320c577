// Package verify checks a copy of an archive with nothing but a checkpoint that somebody kept and
// the public key of the bank's log.
//
// It proves that the log in the copy is the one that the checkpoint signed or continues it, that
// each segment of the log is there as it was logged, that every entry has its hash, and that the
// entries of each account follow one another by version and hash from version 1 on. What differs is
// named by segment, account and version. What was archived and is not in the log, as everything is
// that is newer than the newest checkpoint, is listed, and proven by nothing.
//
// It needs no key of the bank, so it cannot check macs: that the entries are the bank's is what the
// signature says. Next on the walk: versions.
package verify
