// Package damages has no code: it damages a bank's archive and its signed log, and has all readers
// of an archive say what is wrong.
//
// Each job and each proof reads each damaged copy: replay at, replay journal, replay rebuild, audit
// coverage, and audit verify --offline with a checkpoint that somebody kept. What they give must be
// true, and what they do not give must be named. The same readers, and the events table, must find
// nothing in archives that are whole; make clean-runs has them read a thousand.
//
// Damages of the events table are tested in check, forgeries of single histories in replay.
package damages
