// Package replay makes things again from the archive: read models, the journal, states of the past,
// stream records.
//
// Rebuild folds the archive, or the journal, into a new generation of a read model, with the
// projection that also follows the stream; Compare holds it against the live one, or where two rows
// never meet against the journal, and Promote flips them; Discard removes the one that is not live.
// Journal puts a lost journal back, entry by entry, each account up to its first gap. At gives the
// state of accounts as of a time or version. Republish puts a range of entries on a stream again,
// up to the journal's heads.
//
// Every job is planned first: Plan says what it will read, and nothing is written by that. Jobs
// report their progress, run in parallel, hold a bounded part of the history in memory, may be
// stopped at any moment and go on when they are called again. What does not fit together is named,
// account and version, and is ErrDifference at the end: a damaged segment, or one that is missing,
// costs the accounts of which it may hold something, and no others.
//
// Two ways lead through the archive. Sources in parallel, each in its order, is fast, and for who
// drops repeats and fills gaps by himself. Whole accounts, a part of all of them in each pass, is
// exact: every account comes once, complete and in version order, however its records lie on shards
// and segments. Next on the walk: audit.
package replay
