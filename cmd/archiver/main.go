// Command archiver persists the stream to S3 as Parquet segments, as a separate process on AWS.
// Instances share the shards by leases; a segment is the same whichever of them writes it.
package main

import "passbook/cmd/internal/programs/archiver"

// version is set by the linker.
var version = "dev"

func main() { archiver.Main(version) }
