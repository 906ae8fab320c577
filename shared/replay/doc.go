// Package replay rebuilds from the archive: read models, the journal, past states of accounts,
// stream records.
//
// Rebuild folds the archive, or the journal, into a new generation of a read model, with the
// projection that also follows the stream. Compare compares it with the live generation, or with
// the journal where two rows are never at one version; Promote makes it live and Discard removes a
// generation that is not. RestoreJournal puts a lost journal back entry by entry, each account up
// to its first gap. StatesAt returns the states of accounts at a time or version. Republish puts a
// range of entries on a stream again, up to the journal's heads. Retire marks a damaged segment as
// replaced.
//
// Every job first plans what it will read, which writes nothing. Jobs report their progress, run in
// parallel, keep a bounded part of the history in memory, can be interrupted at any moment and
// continue when they are called again. Inconsistencies are reported by account and version, with
// ErrDifference at the end. A damaged or missing segment costs only the accounts of which it may
// contain something.
//
// The archive is read in one of two ways. Package sources reads it in the order of each source;
// StatesAt folds it so. accountReader reads it once and sorts the entries by account; each account
// comes once and complete, however its records are spread over shards and segments. All other jobs
// do so, and StatesAt with the accounts that package past calls odd. Next on the walk: past.
package replay
