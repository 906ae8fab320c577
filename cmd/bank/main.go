// Command bank is all of Passbook in one process: withdraw, credit, balance, creditlimit, archiver
// and publisher on one listener, and the jobs beside them on a separate loopback listener.
package main

import (
	"passbook/cmd/internal/programs/audit"
	"passbook/cmd/internal/programs/bank"
	"passbook/cmd/internal/programs/replay"
)

// version is set by the linker.
var version = "dev"

func main() { bank.Main(version, &replay.Below{}, &audit.Below{}) }
