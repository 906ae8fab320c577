// Package tabletest is the contract of package table as a suite that every adapter passes.
//
// Each subtest quotes a sentence of the port's documentation and checks it; a test of this package
// finds the quotes there. The suite assumes nothing beyond the port: it works in its own
// partitions, so it can share tables with others, repeats throttled calls, and waits, with a
// deadline, for indexes and reads that may lag.
//
// The test of an adapter opens a store with the tables of Schemas and calls Run. Behaviour that
// only a crash can show is tested beside the adapter.
//
// Next on the walk: pebbletable.
package tabletest
