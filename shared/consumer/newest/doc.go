// Package newest keeps the newest entries of the shards that a process reads, so that its readers
// decode each record once.
//
// Each record has a Slot while it is among the newest. A reader decodes the records whose slots are
// free, and takes what others decoded. No reader waits for another: where an entry is not there
// after all others were decoded, the reader decodes it too. Entries are bounded by their bytes, of
// all shards together, and those of a shard that nobody reads any more are dropped.
//
// Walk: Entries.Slots -> Slot.Begin -> Slot.End. Next on the walk: consumer, whose Decoder uses it.
package newest
