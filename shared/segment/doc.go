// Package segment is the file format of the archive: a run of one shard's records as Parquet, one
// row for each event.
//
// A segment is a function of its shard and of its first and last sequence number: every writer
// makes the same bytes of the same records. Exact repeats of an entry within a segment are dropped;
// everything else is kept, so readers count each (account, version) once. The footer names the
// segment before it in the shard and carries checksums of the pages and of itself.
//
// Rows give an entry back byte for byte, with its hash. Open reads a segment whole and checks it;
// Records walks it a batch at a time. A damaged, truncated or newer object is an error that names
// the object, never a panic.
//
// The columns are typed and plain (dictionary, PLAIN, zstd), so DuckDB, Athena and Spark read them
// as they are. Which segments a bucket has, and which are missing, is not known here. Next on the
// walk: archive.
package segment
