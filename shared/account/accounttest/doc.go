// Package accounttest checks decisions: a Ledger folds each one and checks what must be true of any
// account after any command, with separate arithmetic that shares nothing with Fold. The property
// tests of the command services drive it.
package accounttest
