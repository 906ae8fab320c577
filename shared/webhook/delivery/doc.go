// Package delivery sends the events of a bank to the endpoints of package webhook.
//
// It promises that every event an endpoint wants is sent until it is taken, in the order of its
// account's versions, and that a repetition has the same event_id and body. There is one row for
// each endpoint and account: the next version to send, and the newest one that the stream has
// shown. So nothing is copied, a process that dies loses nothing, and what waits is bounded by the
// accounts. An account that is refused for three days is dead for that endpoint, and its later
// events wait behind it until somebody has them replayed. An endpoint that is slow or down delays
// no other: each has its own bound of attempts, and while it only fails, one at a time.
//
// It does not promise that an event comes once, nor an order between accounts. A receiver keeps the
// newest version of each account.
//
// Walk: Deliverer.Open -> handler.Handle -> Store.raise -> Deliverer.Run -> sender.run ->
// sender.deliver -> Client.Post. Next on the walk: journal.
package delivery
