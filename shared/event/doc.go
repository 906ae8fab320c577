// Package event is what happened to accounts: the twelve events, the entry that commits them, and
// the one encoding of both.
//
// An entry is one commit: events of one account with consecutive versions, the commands that made
// them, and a hash that covers the hash of the entry before. Seal writes it, DecodeRecord reads it
// back from a stream record, DecodeStored from a journal row, DecodeHeader and ParseBody from an
// archive's rows. All of them accept only what Seal would have written, so that a hash over the
// bytes is a hash over the entry, and an entry can go from store to store and come out the same.
//
// The data of an event is carried as the bytes that it was written in, for ever. When a type's data
// changes shape its schema number rises, and an upcaster turns the older bytes into the newer shape
// on reading; testdata keeps the bytes of each schema.
//
// What an event means for a balance is not known here. Next on the walk: account folds events into
// a state.
package event
