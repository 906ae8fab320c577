// Package jobs has what can be done to a bank besides serving it: rebuild, promote and discard a
// read model, restore the journal, republish, audit, list the quarantine and redrive.
//
// A job is one function of a Bank. A running bank serves it on its ops listener; a program that
// finds no running bank opens the data directory and runs the same function itself. Do chooses
// between the two.
//
// It promises that a job's parameters are checked before anything is changed, that a dry run
// changes nothing, and that an interrupted job continues when it is started again. The work itself
// is done by replay, readmodel and audit. Walk: Do -> runInBank, openAndRun -> Bank.Funcs -> kinds.
// Next on the walk: replay.
package jobs
