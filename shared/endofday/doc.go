// Package endofday makes and reads the signed end-of-day manifests of an archive: what a bank had
// at the end of a day, by the entries that are in its archive.
//
// A manifest says which segments of the signed log it rests on, what every account had, by version,
// hash and balance, what the day moved by currency and kind, and the trial balance of each
// currency. What belongs to a day is decided by the time at which an entry was recorded. An entry
// that comes into the log after its day was sealed is late: the next manifest counts it and lists
// it with its effect. So manifests follow one another, and the closing balances of one are the
// opening balances of the next.
//
// It promises that a manifest is made only of leaves that a signed checkpoint of the log proves,
// that it is made once, of all entries of each account in turn, and only if its sums agree. A
// manifest follows from the one before, the log and the date alone, so one that a crash left
// unfinished is made again. It reads the segments since the manifest before, and not the history.
//
// It does not know whether everything was archived: its caller does. Walk: Calendar -> Seal ->
// book.take -> Manifest, then List for readers. Next on the walk: audit.
package endofday
