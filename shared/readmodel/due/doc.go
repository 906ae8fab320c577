// Package due has the due index of a read model: its accounts in the order of the next thing that
// expires on them without a command, a hold or a credit limit. It is sparse.
//
// It promises the earliest first. It does not promise to be up to date: an account may still be
// listed after it was processed.
//
// Walk: due.go is all.
//
// Next on the walk: withdraw's Sweeper, which writes down what the index lists.
package due
