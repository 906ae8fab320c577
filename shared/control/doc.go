// Package control is the control table: everything that the programs of a bank must agree on and
// that is no history, no state of an account and no event.
//
// kinds.go lists every kind of row that is in the table, with its key, its attributes, and who
// writes and reads it. Look there first when you read the table by hand.
//
// Rows is the rows of one kind and one owner, which share a partition. Each write names the version
// that the row must be at, so that of two writers one finds out that it was too late. Watch tells
// the dead from the living: it notes when a row's counter last moved, by the observer's own clock,
// and never compares the clocks of two machines.
//
// It does not know what the rows mean. Their attributes belong to the packages that write them.
//
// Walk: Rows.Put -> Rows.List -> Watch.Observe. Next on the walk: journal.
package control
