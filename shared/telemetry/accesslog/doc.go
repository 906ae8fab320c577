// Package accesslog logs the requests that a server answers.
//
// It promises a line for each request while there are few, and a sample with the number of lines
// omitted while there are many, so that logging never costs more than serving. Failures and slow
// requests have a separate budget. A line has nothing that could be personal: no path, query,
// header or body.
//
// Walk: accesslog.go is all.
//
// Next on the walk: shared/web, whose edge has each request logged.
package accesslog
