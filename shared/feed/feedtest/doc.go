// Package feedtest reads feeds in tests, in the process that serves them and without a socket, so
// that it works in the virtual time of testing/synctest.
//
// Open begins a Reader, which collects the lines of a feed and can be as slow as a test wants.
// Server is what a feed needs of its server: it can begin to stop, and refuse a caller who was
// known.
//
// Next on the walk: feed.
package feedtest
