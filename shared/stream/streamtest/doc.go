// Package streamtest is the contract of package stream as a suite that every adapter passes.
//
// Each subtest quotes a sentence of the port's documentation and checks it; a test of this package
// finds the quotes there. The suite assumes nothing beyond the port: it creates its own streams,
// repeats throttled calls, accepts duplicates, empty answers and expired iterators, and waits, with
// a deadline, for shards to open and close.
//
// The test of an adapter fills a Harness and calls Run. It leaves nil what the adapter cannot do,
// such as trimming on request; Run returns the names of the subtests that it left out for that.
//
// Next on the walk: pebblestream.
package streamtest
