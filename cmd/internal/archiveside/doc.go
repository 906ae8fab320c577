// Package archiveside puts together the archiver of a process: the consumer that writes the
// segments, and the log of what it sealed.
//
// The bank and the program archiver are built on it; the other programs do not link the archiver.
// Next on the walk: archiver.
package archiveside
