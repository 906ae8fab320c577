// Command creditlimit projects the use of the lines of credit from the stream, as a process of its
// own on AWS. Instances share the shards by leases; each of them answers for all accounts.
package main

import "passbook/cmd/internal/serve"

// version is set by the linker.
var version = "dev"

func main() { serve.Main(serve.CreditLimit, version) }
