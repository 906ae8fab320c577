// Package audit is the program that proves that the journal, the archive and the read models of a
// bank agree, with independent arithmetic, and names every account and version where they do not.
//
// A running bank does the work itself, on request; without one the data directory is opened here.
// Next on the walk: jobs.
package audit
