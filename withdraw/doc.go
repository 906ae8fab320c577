// Package withdraw is the command service for money out: withdrawals, holds with their capture and
// release, the reversal of a withdrawal, and transfers.
//
// Its commands are one table, Operations in api.go. Their rules are the Decide functions of
// decide.go: pure, on the account's own history, never on a projection. Service reads what a
// command's rules need besides the account's state (the hold or the transaction that an id names)
// and hands the command to the journal, which decides and commits. A withdrawal that is not covered
// is not an error: it is an event, WithdrawalDeclined.
//
// It promises nothing that the journal does not: an answer means that the events are durable, and a
// repeated key gets the first answer. It knows nothing of HTTP but the routes in api.go, and
// nothing of the stream.
//
// Walk: Operations -> Service.withdraw -> journal.Execute -> Withdraw.Decide; Sweeper.Run records
// what expires.
//
// Next on the walk: shared/journal.
package withdraw
