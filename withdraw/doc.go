// Package withdraw is the command service for money out: withdrawals, holds with their capture and
// release, the reversal of a withdrawal, and transfers.
//
// Its rules are the Decide functions of decide.go: pure, on the account's own history, never on a
// projection. Service puts beside a command what its rules look at besides the state (the hold or
// the transaction that an id names) and hands it to the journal, which decides and commits. A
// withdrawal that is not covered is not an error: it is an event, WithdrawalDeclined.
//
// It promises nothing that the journal does not: an answer means that the events are durable, and a
// repeated key gets the first answer. It knows nothing of HTTP but the names of routes and fields
// in api.go, and nothing of the stream.
//
// Walk: Operations (api.go) -> Service.Withdraw (service.go) -> Withdraw.Decide (decide.go) ->
// journal.Execute.
package withdraw
