// Package backlog keeps the results of a bulk request until its caller reads them.
//
// It promises little memory for a caller that reads while it sends, and a bound over all requests
// of a server: what is not read is compressed, and Room says when no more may be added.
//
// Walk: Backlog.Add -> Backlog.Take. Next on the walk: api, whose bulk fills it.
package backlog
