// Package event defines what can happen to an account: the twelve events, the entry that commits
// them, the name of the account, and the one encoding of all of them. docs/formats.md describes the
// encoding.
//
// An entry is one commit: events of one account with consecutive versions, the commands that made
// them, and a hash that covers the hash of the entry before. Seal writes it. DecodeRecord reads it
// from a stream record, DecodeStored from a journal row, DecodeHeader and ParseBody from an
// archive's rows. All of them accept only what Seal would have written, so that a hash over the
// bytes is a hash over the entry, and an entry can go from store to store and stay the same.
//
// The data of an event keeps the bytes that it was written in, forever. When a type's data changes
// shape its schema number rises, and an upcaster turns the older bytes into the newer shape on
// reading; testdata has the bytes of each schema.
//
// It does not know what an event means for a balance: account folds events into a state.
//
// Walk: New -> Seal -> DecodeRecord -> Entry.Verify. Next on the walk: account.
package event
