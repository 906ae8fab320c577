// Package monitor remembers what the metrics of the bank's processes said in the last ten minutes.
//
// It promises rates, latencies and histories of 60 bins of 10 seconds, made from the same
// collectors that /metrics serves, of this process and of those that are named to it; a counter
// that begins again with its process is not taken for a fall. Its memory is bounded: it keeps
// figures that it knows how to read, at most maxFigures of them. A bin in which nothing was read is
// unknown, never 0. It does not promise anything across its own restart: it has no database.
//
// Walk: Monitor.Run -> Monitor.Sample -> read -> Monitor.Rate. Next on the walk: api.
package monitor
