// Command withdraw serves the commands that take money out, as a separate process on AWS or what
// AWS_ENDPOINT_URL puts in its place: withdrawals, holds, transfers and their reversals. Any number
// of instances may run, and several may write one account.
package main

import "passbook/cmd/internal/programs/withdraw"

// version is set by the linker.
var version = "dev"

func main() { withdraw.Main(version) }
