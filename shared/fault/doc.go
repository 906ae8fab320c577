// Package fault wraps a port so that chosen calls fail, for the tests of everything that lives on a
// port.
//
// A Rule says which calls fail, how often, and where: before the call reaches the store (nothing
// happened), or after it (it happened, and the caller is not told). The second kind is what a lost
// answer looks like, and the one that finds bugs. Each rule counts how often it fired: a fault that
// never fired has tested nothing, so a test checks Fired.
//
// It promises nothing about the store below it, and is used by tests only.
package fault
