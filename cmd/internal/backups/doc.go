// Package backups makes the backup of a bank on a data directory, and a bank of a backup.
//
// It promises that a backup has everything that was acknowledged before it began, also beside a
// bank that serves; that a restored directory is a bank only once all of it is proven: each file's
// sum, and the newest entry of every account; and that a restored bank has a new life of its
// stream, so that consumers and followers notice. It does not end the bank that the backup is of:
// the operator who restores sees to it that only one of the two serves.
//
// Walk: Take -> measure; Restore -> Prove. Next on the walk: shared/backup.
package backups
