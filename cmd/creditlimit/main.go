// Command creditlimit projects the use of the lines of credit from the stream, as a separate
// process on AWS. Instances share the shards by leases; each of them answers for all accounts.
package main

import "passbook/cmd/internal/programs/creditlimit"

// version is set by the linker.
var version = "dev"

func main() { creditlimit.Main(version) }
