// Package scratch has a table in memory, in which the row of one account is folded again to be
// compared with the bank's row.
//
// It promises what a projection needs of a table: rows, and conditions on them. It does not last,
// does not list, and nothing of it reaches the bank.
//
// Walk: NewTable -> Table.Put -> Table.Get. Next on the walk: audit.
package scratch
