// Package keyindex remembers the command keys of one account for a day, so that a repeated command
// gets its first answer.
//
// Index maps each key to the version that its command's events begin at. It knows all keys of the
// last 24 hours, if it is given every entry in version order. Page is the keys of a range of 1,000
// versions in a form that is stored, so that a writer that loads a busy account need not read all
// its entries.
//
// A key is stored as 12 bytes of its SHA-256. Two keys may share them: a hit must be confirmed by
// reading the entry. It does no I/O: package journal reads and writes the pages.
//
// Walk: Index.Add -> Index.Find -> Index.Complete. Next on the walk: journal.
package keyindex
