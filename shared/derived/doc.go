// Package derived names the further rows of the read model of balances, and reads them: an index of
// the events of all accounts, and each holder's accounts with their balances.
//
// The index has a row for each entry and each type, actor and correlation id in it, which says only
// where the entry is. Events reads a page, newest first, by merging partitions, and takes every
// event from the journal, so a row that no entry stands behind shows nothing. HolderRows
// returns the rows of a holder. Rows of the index are kept for 90 days (Retention).
//
// It folds nothing and does not write the rows: package readmodel writes those of a batch before
// the account's row. It does not know about HTTP.
//
// Walk: OfEntry -> Events.List -> merge.next; OfState -> HolderRows. Next on the walk: balance.
package derived
