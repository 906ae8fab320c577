// Package segment is the file format of the archive: a run of one shard's records as Parquet, one
// row for each event.
//
// A segment is a function of its format and bank, its shard, its first and last sequence number and
// the segment before it: every writer makes the same bytes of the same records. Exact repeats of an
// entry within a segment are dropped; everything else is kept, so readers count each (account,
// version) once. The footer names the bank and the segment before in the shard, and carries
// checksums of the object and of itself and the Merkle root over the entries.
//
// Rows give an entry back byte for byte, with its hash and mac, which only the bank's keys can
// judge. Open reads a segment whole and checks it; Records walks it a batch at a time. Statistics,
// page indexes and filters, which query engines read instead of rows, are compared with the rows. A
// damaged, truncated or newer object is an error that names the object, never a panic.
//
// Format 2 has typed columns with PLAIN and dictionary encodings and no fixed-length bytes, which
// every engine reads, and leaves out what other columns have. Format 1 is written until the bank
// switches, and read forever; both have one Row and one table of columns each.
//
// Which segments a bucket has, and which are missing, is not known here. Walk: layouts, the columns
// of each format; Writer; Segment.Records; appendRest, for what no other column has; and
// checkChunk, for the indexes. Next on the walk: archive.
package segment
