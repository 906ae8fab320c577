// Package watch has the commands of bank that look at a running bank: tail follows its events,
// trace tells how one event came about and where it went, and lag shows how far the consumers are.
//
// It promises that they change nothing, and that tail continues where it was when the bank was
// away.
//
// Walk: Tail.follow; Trace.find -> tree; Lag.watch.
//
// Next on the walk: shared/client.
package watch
