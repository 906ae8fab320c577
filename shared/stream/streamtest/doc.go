// Package streamtest is the contract of package stream as a suite that every adapter passes.
//
// Each subtest quotes the sentence that it holds, and a test of this package finds the quotes in
// the port's documentation. The suite assumes nothing beyond the port: it makes streams of its own,
// repeats what was refused, takes duplicates, empty answers and expired iterators as they come, and
// waits, with a deadline, for shards to open and close.
//
// An adapter's test fills a Harness and calls Run. What an adapter cannot do, such as trimming on
// request, it leaves nil; Run names the subtests that it left out for that. Next on the walk:
// pebblestream.
package streamtest
