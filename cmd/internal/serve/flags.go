package serve

import "github.com/alecthomas/kong"

// Flags are those of every serving program. Each is also a variable.
type Flags struct {
	Listen     *string `name:"listen" placeholder:"HOST:PORT" help:"HTTP API [${listen}]."`
	Instance   *string `name:"instance" placeholder:"NAME" help:"Name of this process among lease holders."`
	Lease      *string `name:"lease" placeholder:"TIME" help:"Timeout of leases on shards [10s]."`
	DrainDelay *string `name:"drain-delay" placeholder:"TIME" help:"Serve on after /readyz fails [bank 1s, else 5s]."`
	Memory     *string `name:"memory" placeholder:"SIZE" help:"Memory limit [cgroup's, else machine / 4]."`
	LogLevel   *string `name:"log-level" placeholder:"LEVEL" help:"debug, info, warn or error [info]."`
	LogFormat  *string `name:"log-format" placeholder:"KIND" help:"text or json [text]."`
}

// SegmentFlags are those of a program with the archiver in it.
type SegmentFlags struct {
	SegmentAge   *string `name:"segment-age" placeholder:"TIME" help:"Age at which an open segment is archived [60s]."`
	SegmentBytes *string `name:"segment-bytes" placeholder:"SIZE" help:"Size of a segment [64MiB]."`
}

// WriterFlags are those of a program that takes commands.
type WriterFlags struct {
	EffectiveBack  *string `name:"effective-back" placeholder:"DAYS" help:"Oldest effective_at accepted [3653]."`
	EffectiveAhead *string `name:"effective-ahead" placeholder:"DAYS" help:"Latest effective_at accepted [0]."`
	StreamEncoding *string `name:"stream-encoding" placeholder:"KIND" help:"Stream records: json, or zstd over 4 KB [json]."`
}

// PeerFlags are those of a writer beside which other writers run.
type PeerFlags struct {
	PeerListen  *string `name:"peer-listen" placeholder:"HOST:PORT" help:"Listener for other writers, or off [free port on --listen's host]."`
	PeerAddress *string `name:"peer-address" placeholder:"HOST:PORT" help:"Where other writers reach --peer-listen."`
}

// ArchiveFlags are those of a service that writes the archive.
type ArchiveFlags struct {
	SegmentFlags
	Bucket *string `name:"bucket" placeholder:"NAME" help:"S3 bucket of the archive."`
}

// ServiceFlags are those of a service that runs as a separate process.
type ServiceFlags struct {
	Flags
	Prefix  *string          `name:"prefix" placeholder:"TEXT" help:"Prefix of tables and streams [passbook-]."`
	KMSKey  *string          `name:"kms-key" placeholder:"KEY" help:"KMS key on AWS; else alias/PREFIXbank."`
	Version kong.VersionFlag `name:"version" help:"Print the version and exit."`
}
