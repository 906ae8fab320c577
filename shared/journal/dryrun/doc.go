// Package dryrun remembers what the commands of one dry run would have committed, so that a command
// is decided on what the commands before it would have left.
//
// A Run holds the entries that the journal would have made, one for each command, and answers from
// them what the journal answers from its table: the newest entry of an account, the entry of a key,
// an event, whether a transaction was reversed. Its memory is bounded: a Run that is full takes no
// more, since a command that it does not know would make those after it wrong.
//
// It does no I/O and decides nothing, and nothing that it holds is ever stored or published.
//
// Walk: Run.Head -> Run.Add. Next on the walk: journal.
package dryrun
