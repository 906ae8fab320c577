// Package archive is the durable event store: the segments in a bucket, and the proof of what is
// there and what is missing.
//
// The segments of a shard form a chain: each footer names the segment before it and that segment's
// last sequence number. End markers beside them record how far each shard was archived, so that a
// loss at the end of a chain is seen too. LoadPlan reads the footers and lists the segments that a
// job can read, and as gaps what is missing or damaged; Plan.GapAfter tells which accounts a gap
// may concern. A gap whose entries other segments hold can be retired: an object beside the
// segments names them, and each plan proves it again.
//
// Nothing in an archive is changed or deleted. Objects that are not part of it are listed and
// otherwise ignored. The content of a segment is package segment's, when segments are written the
// archiver's. Next on the walk: archiver.
package archive
