// Package derived names the further rows of the read model of balances, and reads them: an index of
// the events of all accounts, and each holder's accounts with their balances.
//
// The index has a row for each entry and each type, actor and correlation id in it, which says only
// where the entry is. Events reads a page, newest first, by merging partitions, and takes every
// event from the journal, so a row that no entry stands behind shows nothing. HolderRows returns
// the rows of a holder. Rows of the index are kept for 90 days (Retention): DynamoDB deletes them
// after that, and a Sweeper where it is not there. A Mark says from when the index of a generation
// is complete.
//
// It folds nothing and does not write the rows of events and holders: package readmodel writes
// those of a batch before the account's row. It does not know about HTTP, and package verify below
// it compares the rows with the journal.
//
// What is older than the index comes from an Archive, at a Position in the same order; package
// archived below it reads one.
//
// Walk: OfEntry -> Events.List -> merge.next; OfState -> HolderRows. Next on the walk: balance.
package derived
