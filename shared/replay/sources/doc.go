// Package sources reads the sources of an archive in parallel, each in its order.
//
// It promises that a source is read after those that ended before it began, and that of as many at
// once as there are processors one batch of rows is in memory. It leaves repeats, and accounts that
// are spread over sources, to the Sink. Walk: Read -> Sink.Keeps -> Sink.Take -> Sink.EndSource.
// Next on the walk: past.
package sources
