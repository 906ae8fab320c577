// Package statement answers the statement of an account: what changed its posted balance within a
// period, as pages of JSON and as a file, which is CSV, a camt.053 message or HTML that prints.
//
// It promises that a statement adds up: every line has the balance after it, the first follows from
// the opening balance and the last is the closing one. The pages of one statement are of one
// period, and a file has all of it or breaks off, so that no part is taken for the whole. The file
// of a period that has ended has the same bytes at every reading. A file is written as the journal
// is read, so its length takes no memory.
//
// It does not promise what was booked later with an earlier value date: a period is one of times of
// recording, or of versions.
//
// Walk: Statements.page -> takePeriod; Statements.file -> send -> write -> csvFile, camtFile,
// htmlFile. Next on the walk: balance.
package statement
