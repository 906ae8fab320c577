// Package dirbucket is the embedded adapter of the bucket port: a directory in which an object is a
// file and its key the path.
//
// An object is written to a draft under .tmp in the same directory, synced, linked to its name, and
// the directory synced before Create answers. A link fails if the name exists, as If-None-Match of
// S3 does, and shows the file completely or not at all. Readers of the same Bucket wait until the
// directory is synced, so that a power cut takes back nothing that they have seen. The next New
// removes the drafts that a crash left, after a sync of the directories that they may be linked in.
//
// Several processes may use one directory. A name that is both an object and a directory of others
// is refused (ErrInvalid).
//
// Walk: Bucket.Create -> Bucket.openDraft; Bucket.Open; Bucket.List; then archive.
package dirbucket
