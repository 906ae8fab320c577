// Command compact makes a table of Apache Iceberg of the events in the archive, or adds to it what
// is new. No other program has the library for such tables, which is larger than a service.
package main

import "passbook/cmd/internal/programs/compact"

// version is set by the linker.
var version = "dev"

func main() { compact.Main(version) }
