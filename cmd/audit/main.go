// Command audit proves that the journal, the archive and the read models of a bank agree, with
// independent arithmetic, and names every account and version where they do not.
package main

import "passbook/cmd/internal/programs/audit"

// version is set by the linker.
var version = "dev"

func main() { audit.Main(version) }
