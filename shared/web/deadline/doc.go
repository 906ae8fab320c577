// Package deadline has a context that ends at a time, for a server's requests.
//
// It promises what a context with a deadline does, and makes a timer only for a request that waits
// for something: most reads never do, and a timer was a seventh of what the server allocated for
// them.
//
// Walk: Begin -> Context.End. Next on the walk: shared/web, whose edge begins one for each request.
package deadline
