// Package api is the bank's HTTP API on package web: the contract (openapi.yaml), the frame in
// which a service's commands are served, and what its queries share.
//
// A service lists its commands as Operations, each made by Command: a name, routes, a struct whose
// json tags are the fields, and what carries the command out. The same code serves each under its
// route, under its short form, and as a line of bulk, so that a key gives the same answer by all
// three ways. Queries are Routes with their handlers.
//
// It promises: an answer to a command is rendered from the journal's entry alone, so that a repeat
// has the same bytes; the lines of bulk keep the order of each account; what is routed is what
// openapi.yaml lists, and every problem is of the types in problems.go, both of which tests check.
//
// It also serves the contract of the streams: asyncapi.yaml, with the schemas of package schemas.
//
// It knows nothing of the rules of an account, which come with each command's Decide.
//
// Walk: Operation.serve -> Command -> the service -> journal.Execute -> appendAnswer; Server.bulk
// for many at once; executeAtOwner and Receiver for commands of other writers' accounts.
package api
