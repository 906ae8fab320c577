// Command balance projects the balances of accounts from the stream and answers queries for them,
// as a separate process on AWS. Instances share the shards by leases; each of them answers for
// all accounts.
package main

import "passbook/cmd/internal/programs/balance"

// version is set by the linker.
var version = "dev"

func main() { balance.Main(version) }
