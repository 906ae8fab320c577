// Command archiver persists the stream to S3 as Parquet segments, as a process of its own on AWS.
// Instances share the shards by leases; a segment is the same whoever writes it.
package main

import "passbook/cmd/internal/serve"

// version is set by the linker.
var version = "dev"

func main() { serve.Main(serve.Archiver, version) }
