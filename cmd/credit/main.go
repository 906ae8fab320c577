// Command credit serves the commands that bring money in, and the bank's own decisions on accounts,
// as a separate process on AWS: credits, limits, freezes. Any number of instances may run, and
// several may write one account.
package main

import "passbook/cmd/internal/programs/credit"

// version is set by the linker.
var version = "dev"

func main() { credit.Main(version) }
