// Command balance projects what accounts stand at from the stream, and answers for now and then, as
// a process of its own on AWS. Instances share the shards by leases; each of them answers for all
// accounts.
package main

import "passbook/cmd/internal/serve"

// version is set by the linker.
var version = "dev"

func main() { serve.Main(serve.Balance, version) }
