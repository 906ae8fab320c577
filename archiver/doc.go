// Package archiver persists the stream: it seals the records of each shard into Parquet segments in
// the bucket.
//
// It promises that the archive loses nothing and repeats nothing, whatever step it dies at. A
// segment is uploaded under a name that can be taken once, and only then is the shard checkpointed.
// What follows a crash is read again, and the bucket alone says where to go on: at the last
// sequence number of the shard's newest segment. A name taken by another archiver of the same shard
// is adopted when its first entry is ours; otherwise the shard is suspended with ErrDiverged, and
// nothing is touched.
//
// What is lost of the archive stops nothing else. Where the newest segments of a shard are gone,
// the shard is read again from where they end, and what the stream no longer has is a hole; behind
// a damaged one archiving continues. Ready names each, and audit --repair has archived again what
// only the journal holds.
//
// A segment is sealed when it is large, when it is old, judged by the stream's own time so that a
// backlog gives large segments too, and when its shard ends. Between seals only compressed pages
// are held.
//
// It is raw: there is no version rule and no fold. Repeats within a segment are dropped by the
// format; the rest is the readers'. The format is package archive's, leases and reading consumer's.
// Next on the walk: replay.
package archiver
