// Package unpublished finds out whether the stream has everything that was recorded before a time.
//
// It promises that of every writer that has a row each entry that the journal's index shows was
// looked at. It looks once, and the index of DynamoDB may show an entry late: such a one is late in
// the archive too. Next on the walk: endofday.
package unpublished
