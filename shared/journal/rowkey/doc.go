// Package rowkey makes the journal's rows and their keys: of an account's entries, of the guards of
// its reversals, and those of the index of writers. Entries and guards share a partition with the
// pages of package keyindex, and their prefixes keep them apart.
//
// It promises that an entry which is parsed has its hash. It reads and writes no table.
//
// Walk: Entry -> Row -> Parse. Next on the walk: journal.
package rowkey
