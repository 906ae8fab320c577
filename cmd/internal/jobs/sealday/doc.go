// Package sealday carries out the job that seals a day of the bank: it waits until the archive and
// its signed log have everything that was recorded before the end of the day, and has package
// endofday make the manifest.
//
// It promises that no writer, archiver or log is known to be behind when a day is sealed. What is
// not known, as an entry that an index shows late, is late in the next manifest. Next on the walk:
// endofday.
package sealday
