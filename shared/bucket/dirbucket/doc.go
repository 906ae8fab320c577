// Package dirbucket is the embedded adapter of the bucket port: a directory in which an object is a
// file and its key the path.
//
// An object is written aside, under .tmp in the same directory, synced, linked to its name, and its
// directory synced before Create answers. A link fails where the name is taken, which is
// If-None-Match of S3; and it shows the file whole or not at all. Readers of the same Bucket wait
// until the directory is synced, so that a power cut takes back nothing that they have seen. What a
// crash leaves aside is removed by the next New, after a sync of all that it may have linked.
//
// Several processes may use one directory. A name that is both an object and a directory of others
// is refused (ErrInvalid). Next on the walk: archive.
package dirbucket
