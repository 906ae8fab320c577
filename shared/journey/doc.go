// Package journey serves how one event came about and where it went: who asked for it, the version
// that it was decided on, the entry that committed it, its record on the stream, the rows of the
// read models that have it, and its row in the archive.
//
// Request, decision and entry are the journal's. The record is read from the stream itself while
// the event is not archived, else from the archive, which keeps shard and sequence number. It
// answers the exact bytes that the entry's hash covers, so that anybody can compute it again. It
// changes nothing. What could not be found, or only at too high a price, is left out.
//
// Walk: Journeys.Route -> Journeys.archived -> Journeys.streamed. Next on the walk: archive.
package journey
