// Package credit is the command service for money in and for the account itself: opening, credits
// and their reversal, the authorised limit, freezing and closing.
//
// Its commands are one table, Operations in api.go. Their rules are the Decide functions of
// decide.go: pure, on the account's own history, never on a projection. Service reads what a
// command's rules need besides the account's state (the transaction that an id names) and hands the
// command to the journal, which decides and commits. The limit is here and not in creditlimit
// because a withdrawal's check must see posted, holds and limit at one version; creditlimit shows
// the use of it.
//
// It promises nothing that the journal does not: an answer means that the events are durable, and a
// repeated key gets the first answer. It knows nothing of HTTP but the routes in api.go, and
// nothing of the stream.
//
// Walk: Operations -> Service.credit -> journal.Execute -> Credit.Decide.
//
// Next on the walk: shared/journal.
package credit
