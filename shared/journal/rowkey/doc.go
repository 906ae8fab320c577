// Package rowkey makes the keys of the journal's rows: an account's entries, and the guards of its
// reversals. Both share a partition with the pages of package keyindex, and their prefixes keep
// them apart.
//
// It reads and writes nothing.
//
// Walk: Entry -> EntrySK. Next on the walk: journal.
package rowkey
