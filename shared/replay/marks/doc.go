// Package marks records in the control table how far a job is that reads each source of the archive
// once and in order, so that an interrupted job continues.
//
// It promises that of two runs of a job at the same time one fails. Walk: Load -> Marks.Done ->
// Marks.Mark. Next on the walk: spill.
package marks
