// Command console serves the bank's pages for browsers beside the five services, and how their
// pipeline is. One instance is enough; any number may run.
package main

import "passbook/cmd/internal/programs/console"

// version is set by the linker.
var version = "dev"

func main() { console.Main(version) }
