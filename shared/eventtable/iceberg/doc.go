// Package iceberg keeps the events table as a table of Apache Iceberg, format version 2, in a
// bucket.
//
// The table is a directory of the bucket, as a Hadoop catalog lays it out: data/ has the Parquet
// files, metadata/ the manifests and v1.metadata.json, v2.metadata.json and so on. Objects are
// created and never replaced, and removed once only expired snapshots have them. A commit is the
// creation of the next version's file, which fails if another commit has created it. So it needs no
// lock and no catalog beside the bucket; an engine reads the newest version, and a catalog may name
// it.
//
// Only the program compact links this package, since the library is larger than a service. Next on
// the walk: cmd/compact.
package iceberg
