// Package audit proves that the journal, the archive and the read models agree, and reports every
// place where they do not.
//
// Its arithmetic is separate: it shares no fold with what it checks, and reads rows by their native
// attributes and their JSON. For each account it proves that the journal's entries follow one
// another by version and hash, that each event's balance is the sum of what happened, that each
// reversal has its guard, that the archive has exactly these entries, once or more, with columns
// that follow from them, and that each live row of a read model is at a version and a balance that
// the journal had. The states in entries and rows, on which programs decide and answer, are
// compared with the same sums. Rows of what is sent to webhooks know of every event that is to be
// sent.
//
// Entries so recent that they may still be on their way are counted and not reported. Memory is
// bounded: the archive is read once, and accounts are audited a part at a time. A Repair puts
// entries that the archive lacks on the stream again and folds rows that are behind or wrong. Rows
// that cannot be folded, and holes in the journal, which package replay restores, are only
// reported. Next on the walk: stores.
package audit
