// Command replay rebuilds from the archive: read models, the journal, past states of accounts,
// records of the stream.
package main

import "passbook/cmd/internal/programs/replay"

// version is set by the linker.
var version = "dev"

func main() { replay.Main(version) }
