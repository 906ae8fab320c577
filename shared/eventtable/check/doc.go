// Package check compares the events table with the archive that it is made of.
//
// It proves that the table has each event of an account's history once, from version 1 on, with the
// columns that follow from an entry of the bank in the archive, and nothing else; that its files
// have the content that their names say; and that what the snapshot says of a file, by which
// engines pass over it, is true of each of its rows. What differs is named by account and version.
// What the archive has and no run of the compactor has read is listed beside it.
//
// It uses nothing of what the compactor remembers but how far the snapshot says that the archive
// was read. It holds the rows of a part of the accounts at once, and reads table and archive once
// for each part. Walk: Run -> part.readTable -> part.readArchive -> part.compare. Next on the walk:
// iceberg.
package check
