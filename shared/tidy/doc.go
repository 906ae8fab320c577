// Package tidy holds the rules of this repository that a compiler does not: which package may
// import which, what may stand in a pure file, how long a file or a function may be, which words
// are not names, what nobody ever deletes.
//
// It has tests only, and they read the source, never run it. A rule that has to bend for one place
// names that place and the reason in exceptions_test.go; the limits themselves are only ever
// lowered.
//
// Tests may import adapters, since a rule is best shown on the real store; programs and packages
// may not.
package tidy
