// Package eventview has the form in which answers of the API show an event: in the list of an
// account, the lists over all accounts, and the feed.
//
// It promises that an event looks the same in all of them; Of makes it from the entry that the
// event was committed with.
//
// Walk: Of. Next on the walk: feed.
package eventview
