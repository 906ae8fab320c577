// Package account is what the bank knows of one account, and the rules by which that changes.
//
// State is folded from the account's events: Fold is pure and strict, and compares every event's
// After with its own result. A Draft is how a decision is made: it starts from a state, lets the
// building blocks (ReleaseExpired, Debit, Credit, PlaceHold, Reverse ...) emit events that are
// folded as they come, and ends in a Decision: events, or a Rejection that leaves no trace.
//
// Everything here is a function of its arguments: no clock, no randomness, no I/O, no logging. Fold
// refuses what cannot be history, such as a hold that was never placed; what the bank forbids, such
// as a debit of a frozen account, is for decisions alone, so that a changed rule never makes an old
// history unreadable.
//
// The commands that compose the building blocks are in withdraw/decide.go and credit/decide.go;
// numbering events on, storing and publishing them is the journal's. Next on the walk: withdraw.
package account
