// Package verify compares the further rows of the balances with the journal and with the rows that
// they belong to, for an audit and before a promotion.
//
// Every entry that the index should have, up to the version of its account's row, has its rows, and
// every account of a holder has one row under that holder, with what its own row has. The table is
// scanned once into a sum of each account's keys; what the sums of the journal differ in is looked
// at row by row. Memory is about 50 bytes an account.
//
// It does not compare what the index has of entries that the journal lacks: such rows show nothing.
// It counts them. Next on the walk: audit.
package verify
