// Package archiver persists the stream: it seals the records of each shard into Parquet segments in
// the bucket.
//
// It promises that the archive loses nothing and repeats nothing, at any step at which it crashes.
// A segment is uploaded under a name that can be taken once, and only then is the shard
// checkpointed. After a crash the rest is read again; the bucket alone shows where to continue: at
// the last sequence number of the shard's newest segment. A name taken by another archiver of the
// same shard is adopted if its first entry is ours; otherwise the shard is suspended with
// ErrDiverged, and nothing is changed.
//
// A loss in the archive stops nothing else. If the newest segments of a shard are missing, the
// shard is read again from where the rest ends, and records that the stream no longer has are a
// hole; after a damaged segment archiving continues. Ready names each, and audit --repair archives
// again what only the journal has.
//
// A segment is sealed when it is large, when it is old, judged by the stream's own time so that a
// backlog gives large segments too, at midnight UTC of arrival, when the format changes, and when
// its shard ends. Between seals only compressed pages are in memory.
//
// It archives records as they are: there is no version rule and no fold. The format drops repeats
// within a segment; the rest is left to readers. Directory sql has the tables, the view that counts
// each event once and the queries, for Athena, DuckDB and Spark. The format is package segment's,
// leases and reading are consumer's. Next on the walk: replay.
package archiver
