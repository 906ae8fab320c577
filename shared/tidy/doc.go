// Package tidy checks the rules of this repository that a compiler does not: which package may
// import which, what a pure file may use, how long files, functions and packages may be, how
// comments and texts are worded, and that documents name functions and files that exist.
//
// It has tests only. They parse the source and never run it. Where one place needs an exception,
// exceptions_test.go names it with the reason. The limits are only ever lowered.
//
// Tests may import adapters, since a rule is best shown on the real store; programs and packages
// may not.
package tidy
