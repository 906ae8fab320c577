// Package feed serves every event of a tenant, in the order of each account, to programs that keep
// a copy: GET /v1/feed as server-sent events or NDJSON.
//
// It promises that nothing is missing: a reader that resumes with its last cursor gets every event
// that it did not have. On one connection each event comes once, and the events of an account come
// in version order; what the stream skips is read from the journal. After a resume an event may
// come again, with the same event_id, and of an account that moved while its writer died an older
// event may follow the first that the connection sees. So a reader keeps the newest version of each
// account.
//
// A cursor names how far each shard was delivered. It belongs to a tenant and a filter. What the
// stream no longer has comes from the archive, up to the record where the stream continues. The
// feed reads no index, so it waits for no projection.
//
// It does not promise an order between accounts, nor that a slow reader is kept: one that does not
// take 16 KB in 30 seconds, or a batch of past records in a minute while others wait for memory, is
// told so, and resumes.
//
// Walk: Feed.serve -> connection.run -> connection.follow -> lane.run -> connection.deliver ->
// wire. Next on the walk: web.
package feed
