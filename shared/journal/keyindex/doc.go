// Package keyindex remembers the command keys of one account for a day, so that a repeated command
// gets its first answer.
//
// Index maps each key to the version that its command's events begin at, in 16 to 26 bytes a key.
// It knows all keys of the last 24 hours, if it is given every entry in version order. Page is the
// keys of a range of 1,000 versions in a form that is stored, so that a writer that loads a busy
// account need not read all its entries. Store reads and writes the pages, and makes one that is
// missing of its entries.
//
// A key is stored as 12 bytes of its SHA-256. Two keys may share them: a hit must be confirmed by
// reading the entry. To load an index writes nothing: pages that were missing are saved with those
// that are completed later. Pages only save reading, so to save one may fail.
//
// Walk: Store.Load -> Index.Add -> Index.Find -> Index.Complete -> Store.Save. Next on the walk:
// journal.
package keyindex
