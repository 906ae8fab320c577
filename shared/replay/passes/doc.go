// Package passes records in the control table how far a job is that reads the archive several
// times, each time for a part of the accounts, so that an interrupted job continues.
//
// It promises that a job over another archive, or with other parameters, begins at its first pass.
// It does not promise that a pass is done only once: one that was interrupted is done again.
//
// Walk: Load -> Passes.Next -> Passes.Done -> Passes.Finish. Next on the walk: audit.
package passes
