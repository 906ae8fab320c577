// Command archiver persists the stream to S3 as Parquet segments, as a process of its own on AWS. Instances
// share the shards by leases; a segment is the same whoever writes it.
package main

import (
	"os"

	"passbook/cmd/internal/serve"
)

// version is set by the linker.
var version = "dev"

func main() { os.Exit(serve.Main(serve.Archiver, version)) }
