// Package web is the HTTP edge: one server, one contract, one table of problems, and the frame in
// which a service's commands and queries are served. The router, echo, stays in here and in the
// services' api files.
//
// A service lists its commands as Operations: a name, a decoder that takes fields, and what carries
// the command out. Each is served under its own route, under its short form, and as a line of bulk,
// by the same code, so that a key gives the same answer whichever way it comes. Queries are Routes
// with handlers of their own.
//
// It promises: every answer that is not 2xx is a problem document of the table in codes.go, and no
// value of a request is in it but a well-formed account id; bodies, lines, fields, nesting and time
// are bounded, and so is what is under way at once, by how long it takes, for commands, reads and
// waiting reads each; an answer to a command is rendered from the journal's entry alone, so that a
// repeat has the same bytes; what is routed is what openapi.yaml lists, which a test holds.
//
// It knows nothing of the rules of an account, which come with each command's Decide, nor of who
// may call: that is later.
//
// Walk: Server.edge -> admit -> Operation.serve -> gate -> Fields -> the service -> journal ->
// JSON.answer; bulk.go for many at once; drain.go for the end.
package web
