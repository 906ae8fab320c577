// Package archive is the format of the durable event store: Parquet segments in a bucket, one row
// an event.
//
// A segment holds a run of one shard's records. It is a function of (shard, first, last sequence
// number), whoever writes it: the same records give the same bytes. Inside a segment exact repeats
// of an entry are dropped and everything else is kept, so readers count each (account, version)
// once. Segments of a shard form a chain: each footer names the segment before it and that
// segment's last sequence number, so the bucket alone proves what is there and what is missing. A
// Plan names what is missing or damaged as gaps, says of which accounts a gap may hold more, and
// passes over what is no part of the archive. A gap whose entries other segments hold is retired:
// an object beside the segments names them, and each plan proves it again.
//
// Rows give an entry back byte for byte, with its hash. A Segment is read whole, checked against
// the sum and the counts of its footer, and then walked a batch at a time; a damaged, truncated or
// newer object is an error that names it, never a panic.
//
// The columns are typed and plain (dictionary, PLAIN, zstd), so that DuckDB, Athena and Spark read
// them as they are. What is written when is the archiver's part, what is made of it replay's and
// audit's. Next on the walk: archiver.
package archive
