// Package backup is the directory of a backup: copies of a bank's files, and a manifest with the
// sum of each.
//
// It promises that a directory is a backup only once all of it was read back and compared. The
// manifest is written last and replaces the one before it in one step, so an interrupted backup
// leaves the earlier one as it was, and without one no backup. Files that never change are copied
// once and carried from backup to backup. Reading finds each file that is missing or changed, and
// names it. A sum shows damage; it proves nothing against somebody who may write there.
//
// It does not know what is in the files: the job that makes a backup takes the database and the
// archive at one moment, and the restored bank proves its content.
//
// Walk: Open -> Draft.Copy -> Draft.Check -> Draft.Finish; Read -> Manifest.Verify,
// Manifest.Restore. Next on the walk: jobs.
package backup
