// Package trace exports what a process does as traces of OpenTelemetry: each request, and the way
// of each entry from the journal over the stream into the read models and the archive.
//
// It promises that the ids of an entry's trace follow from the entry's hash: the trace's from bytes
// 0 to 15, the put's from 16 to 23, the publish's from 24 to 31. So every process, also one that
// takes over from a dead one, adds to the same trace, and nothing is carried in the record. A
// request is in its caller's trace; its span and the put of the entry that it caused link to each
// other, as an entry can have the commands of several requests. A segment has a separate trace,
// and each of its entries links to it.
//
// It promises that a process without an endpoint pays nothing: every method of a nil *Tracer and of
// a nil *Span returns at once, and allocates nothing. No span waits for the exporter: what the
// queue has no room for is dropped and counted.
//
// It does not promise that every span arrives: a process that dies takes its queue with it. It
// exports no id of an account, no name, text or amount.
//
// Walk: config.go reads the variables, tracer.go opens the exporter, export.go bounds its queue,
// request.go has the spans of requests, entry.go those of entries.
//
// Next on the walk: shared/telemetry/tracetest, which receives what is exported in tests.
package trace
