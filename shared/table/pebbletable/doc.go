// Package pebbletable is the embedded adapter of the table port, on the Pebble database of package
// embedded.
//
// A row is one key, and each index entry another, written in one batch with the row, so that an
// index never disagrees with its table. A write locks its key from the check of its condition until
// the batch is on disk. A read takes no lock: it reads a view of what is on disk already. So a read
// shows every write that was answered before it, and never one that a power cut can take back. As
// no other process writes, each row has a stamp by which a reader knows that what it keeps of the
// row is still what a read would show.
//
// An index of DynamoDB lags behind its table and this one does not; tests of callers imitate the
// lag with package faults.
//
// Next on the walk: stream.
package pebbletable
