// Package archiver is the program of the service that persists the stream as Parquet segments.
//
// open says in order what it consists of. It links no command service, read model or job. Next on
// the walk: readside.
package archiver
