// Package writer is a process as a writer of the journal: its sessions, its row in the control
// table, and the other writers that it sees there.
//
// A writer works in sessions. Each has an id and counts the entries that it puts, so that a reader
// can find all entries of a session. The session's row says with every heartbeat up to which entry
// the stream has them all. When the heartbeats end, others take the row over and publish the rest,
// the session's tail; the writer, if it lives, sees that its lease is lost and begins a new session
// before it puts anything again.
//
// It promises that no entry is begun under a session whose lease might end before the put does. It
// does not publish, and it does not decide which account belongs to which writer: packages
// publisher and affinity do.
//
// Walk: Writer.Start -> Writer.Next -> Writer.Done -> Writer.Renew -> Peers.Refresh. Next on the
// walk: journal.
package writer
