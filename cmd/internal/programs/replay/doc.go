// Package replay is the program that rebuilds from the archive: read models, the journal, past
// states of accounts, records of the stream.
//
// A running bank does the work itself, on request; without one the data directory is opened here.
// Each command is a struct of flags whose Run has one job do it. Next on the walk: jobs.
package replay
