// Package account defines the state of an account and the rules by which it changes.
//
// State is folded from the account's events: Fold is pure and strict, and compares the After of
// every event with its own result. Draft makes a decision: it starts from a state, lets the
// building blocks (ReleaseExpired, Debit, Credit, PlaceHold, Reverse ...) emit events, which it
// folds at once, and ends in a Decision: events, or a Rejection that is not stored.
//
// Everything here is a function of its arguments: no clock, no randomness, no I/O, no logging. Fold
// refuses what cannot be history, such as the release of a hold that was never placed. What the
// bank forbids, such as a debit of a frozen account, only decisions refuse, so that a changed rule
// never makes an old history unreadable.
//
// The commands that are made of the building blocks are in withdraw/decide.go and credit/decide.go;
// the journal numbers, stores and publishes the events.
//
// Walk: NewDraft -> Draft.Debit -> Draft.Emit -> Draft.Decision -> Fold. Next on the walk:
// withdraw.
package account
