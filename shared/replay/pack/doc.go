// Package pack writes entries as few bytes, for files that only the process reads that wrote them.
//
// It promises to give back the entry that was written, with all that a record on the stream has of
// it. It verifies nothing, and it is no format: what it writes is never read by another program.
// Walk: Append -> Entry. Next on the walk: parts.
package pack
