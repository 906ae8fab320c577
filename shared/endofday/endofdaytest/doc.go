// Package endofdaytest has a bank whose archive and signed log are in a directory, for tests that
// seal its days and damage what is there. No program imports it.
package endofdaytest
