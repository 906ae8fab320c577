// Command credit serves the commands that bring money in, and the bank's own decisions on accounts,
// as a process of its own on AWS: credits, limits, freezes. Any number of instances may run, and
// several may write one account.
package main

import "passbook/cmd/internal/serve"

// version is set by the linker.
var version = "dev"

func main() { serve.Main(serve.Credit, version) }
