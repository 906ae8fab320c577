// Package watch has the commands of bank that look at a running bank: tail follows its events,
// trace tells how one event came about and where it went, lag shows how far the consumers are, and
// doctor looks for what is wrong.
//
// It promises that they change nothing, that tail continues where it was when the bank was away,
// and that each line of doctor which is not ok says what to do. Doctor finds out which scopes a key
// has by commands that no bank carries out, since they have no Idempotency-Key.
//
// Walk: Tail.follow; Trace.find -> tree; Lag.watch; Doctor.Run -> Doctor.server.
//
// Next on the walk: shared/client.
package watch
