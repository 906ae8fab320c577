// Package keyindex remembers the command keys of one account for a day, so that a repeated command
// gets its first answer.
//
// Index maps each key to the version that its command's events begin at, in 16 to 26 bytes a key.
// It knows all keys of the last 24 hours, if it is given every entry in version order. Page is the
// keys of a range of 1,000 versions in a form that is stored, so that a writer that loads a busy
// account need not read all its entries. Filter is a stored Bloom filter of the keys of 64 pages,
// so that it need not read all pages either. Store reads and writes both, makes a page that is
// missing of its entries, and asks for a filter that is missing, which MakeFilters makes.
//
// A key is stored as 12 bytes of its SHA-256. Two keys may share them: a hit must be confirmed by
// reading the entry. A filter has every key of the pages that it covers, and no other page is
// passed over for it; where it seems to have a key, Store.Find reads the pages. To load an index
// puts nothing itself: pages that were missing are saved with those that are completed later, and a
// missing filter is made apart. Pages and filters only save reading, so to save one may fail.
//
// Walk: Store.Load -> Index.Add -> Index.Find -> Index.Complete -> Store.Save -> Store.MakeFilters.
// Next on the walk: journal.
package keyindex
