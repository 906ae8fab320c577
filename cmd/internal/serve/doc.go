// Package serve runs a service as a process: it opens the stores, listens, keeps what runs beside
// the API, and ends all of it in order.
//
// A Program names a service and has an Open function that puts it together on a Process, from the
// check of the stores to the routes: one function that is read from top to bottom. What runs beside
// the API is added with the Stage in which it ends.
//
// It promises that a process that cannot start says why in one line before it listens, that a
// process that was started has looked at every table and stream that it will need, and that an
// orderly end loses nothing accepted and leaves nothing for others to wait for. It imports no
// service: what they consist of is in cmd/internal/programs, writeside and readside. Walk: Main ->
// Open -> Program.Open -> Process.Run. Next on the walk: writeside.
package serve
