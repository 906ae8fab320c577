// Package web is the HTTP server under the bank's API: routing, places, deadlines, problem
// documents, strict decoding, health and drain. It knows nothing of journals, read models or
// commands; package api puts the bank on it.
//
// It promises: every answer that is not 2xx is a problem document, and no value of a request is in
// it but a well-formed account id; bodies, fields, nesting and time are bounded, and so is what is
// under way at once, by how long it takes, for commands, reads and waiting reads each; a server
// that stops cuts off no request that a caller had reason to send.
//
// It asks an access.Authenticator who sends a request, and refuses who lacks the route's scopes. It
// does not know what credentials are made of.
//
// Walk: Server.edge -> Server.identify -> Server.admit -> a Route's Handler -> Reply or
// Server.fail; Server.shutdown for the end.
package web
