// Package audit proves that the journal, the archive and the read models tell one story, and names
// every place where they do not.
//
// It has arithmetic of its own: it shares no fold with what it judges, and reads rows by their
// native attributes and their JSON. Of every account it proves that the journal's entries follow
// one another by version and hash, that each event's balance is the sum of what happened, that each
// reversal has its guard, that the archive holds exactly these entries, once or more, with columns
// that follow from them, and that each live row of a read model is at a version and a balance that
// the journal had. The states that ride in entries and rows, from which programs decide and answer,
// are held against the same sums.
//
// What happened so lately that it may still be on its way is counted and not complained of. Memory
// is bounded: accounts are audited a part at a time, and the archive is read once a part. On
// request what is missing is mended: entries that the archive lacks are put on the stream again,
// rows that lag are folded again. A row that cannot be folded on is named, and so are holes in the
// journal, which replay restores.
package audit
