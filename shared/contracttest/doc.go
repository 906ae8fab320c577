// Package contracttest checks the contract suites themselves.
//
// A suite has clauses: a sentence of its port's documentation each, with the test that checks it.
// Quotes finds the sentences in the documentation, so that the two cannot drift apart. It is for
// tests only.
package contracttest
