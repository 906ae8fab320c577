// Package requestid has the ids of requests: the caller's, or new ones.
//
// It promises that an id is safe to repeat anywhere, and that new ones sort by time.
//
// Walk: Of -> New. Next on the walk: shared/web, whose edge gives each request its id.
package requestid
