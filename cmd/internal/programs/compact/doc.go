// Package compact is the program that adds the archive's events to a table of Apache Iceberg, once
// or every few minutes.
//
// It needs only the archive, and works beside a running bank. Next on the walk: eventtable.
package compact
