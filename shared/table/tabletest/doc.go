// Package tabletest is the contract of package table as a suite that every adapter passes.
//
// Each subtest quotes the sentence that it holds, and a test of this package finds the quotes in
// the port's documentation, so that the two cannot drift apart. The suite assumes nothing beyond
// the port: it makes partitions of its own, so it can share tables with others, repeats what is
// throttled, and waits, with a deadline, for indexes and reads that may lag.
//
// An adapter's test opens a store with the tables of Schemas and calls Run. What only a crash can
// show is held next to the adapter. Next on the walk: pebbletable.
package tabletest
