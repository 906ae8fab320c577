// Package archivetest makes histories of accounts for tests: entries that the journal could have
// committed, with correct balances, hashes and chains. Its arithmetic is separate from package
// account's, so that tests compare two.
package archivetest
