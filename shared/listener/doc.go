// Package listener is the listener under package web: TLS, a bound on connections with a share of
// it for each caller, and problem documents where net/http refuses a request by itself.
//
// It promises that every caller gets a problem document or a closed connection, also for requests
// that are not HTTP and never reach a handler; that connections which have shown no credentials
// make room for new ones when all are taken; and that no caller holds more than half of them.
//
// It does not parse requests: net/http does, and its refusals are recognised by the bytes that it
// writes. A test asks the real server for each of them.
//
// Walk: Listener.Accept -> crowd.admit -> conn.Write; Claim for package web. Next on the walk: web.
package listener
