// Package credit is the command service for money in and for the account itself: opening, credits
// and their reversal, the authorised limit, freezing and closing.
//
// Its rules are the Decide functions of decide.go: pure, on the account's own history, never on a
// projection. Service puts beside a command what its rules look at besides the state (the
// transaction that an id names) and hands it to the journal, which decides and commits. The limit
// is here and not in creditlimit because a withdrawal's check must see posted, holds and limit at
// one version; creditlimit shows the use of it.
//
// It promises nothing that the journal does not: an answer means that the events are durable, and a
// repeated key gets the first answer. It knows nothing of HTTP but the names of routes and fields
// in api.go, and nothing of the stream.
//
// Walk: Operations (api.go) -> Service.Credit (service.go) -> Credit.Decide (decide.go) ->
// journal.Execute.
package credit
