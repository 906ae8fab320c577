// Package verify compares the rows of what is sent to webhooks with the journal, for an audit.
//
// Every account that has an event for an endpoint has a row there that knows of it, no row is ahead
// of its account, or has a state in which it would not be sent, and every row is of an endpoint and
// of an account that there are. Rows are read by their attributes, with no code of who writes them.
//
// It does not know what a receiver got: only that what it has not taken is still to be sent. Of an
// endpoint whose filter was changed it compares what was recorded since. Next on the walk: audit.
package verify
