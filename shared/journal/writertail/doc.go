// Package writertail reads a writer's tail: the entries that it committed and that the stream may
// not have.
//
// It finds them by the journal's index of writers, which is eventually consistent: an entry that
// the index does not show yet is found by a later reading. It publishes nothing.
//
// Walk: Read -> tailKeys -> readTail. Next on the walk: publisher.
package writertail
