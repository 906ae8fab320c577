// Package parts records in the control table how far a job is that does one part of the accounts
// after the other, so that an interrupted job continues.
//
// It promises that a job over another archive, or with other parameters, begins at its first part,
// and that of two runs of a job at the same time one fails. It does not promise that a part is done
// only once: one that was interrupted is done again.
//
// Walk: Load -> Parts.Next -> Parts.Done -> Parts.Finish. Next on the walk: audit.
package parts
