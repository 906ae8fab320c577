// Package accounttest judges decisions: a Ledger takes each one, folds it, and holds what must be
// true of any account after any command, with arithmetic of its own that shares nothing with Fold.
// The property tests of the command services drive it.
package accounttest
