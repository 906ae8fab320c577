package serve

import "github.com/alecthomas/kong"

// Flags are those of every serving program. Each is also a variable.
type Flags struct {
	Listen     *string `name:"listen" placeholder:"HOST:PORT" help:"HTTP API [${listen}]."`
	Instance   *string `name:"instance" placeholder:"NAME" help:"Name of this process among lease holders."`
	Lease      *string `name:"lease" placeholder:"TIME" help:"Timeout of leases on shards [10s]."`
	DrainDelay *string `name:"drain-delay" placeholder:"TIME" help:"Serve on after /readyz fails [bank 1s, else 5s]."`
	Memory     *string `name:"memory" placeholder:"SIZE" help:"Memory limit [cgroup's, else machine / 4]."`
	AccessFlags
	Environment *string `name:"environment" hidden:"" placeholder:"NAME" help:"Name on every page; NAME:production marks it red."`
	LogLevel    *string `name:"log-level" placeholder:"LEVEL" help:"debug, info, warn or error [info]."`
	LogFormat   *string `name:"log-format" placeholder:"KIND" help:"text or json [text]."`
}

// AccessFlags say who may call, and how. The hidden ones are explained in docs/security.md: few
// need them, and the help is to fit a screen.
type AccessFlags struct {
	Auth                 *string `name:"auth" placeholder:"MODE" help:"dev (only this machine), apikey or oidc [dev]."`
	Hosts                *string `name:"hosts" placeholder:"NAMES" help:"Further names that dev serves under."`
	TLSCert              *string `name:"tls-cert" placeholder:"FILE" help:"Certificate chain; speaks TLS."`
	TLSKey               *string `name:"tls-key" placeholder:"FILE" help:"Its key."`
	MetricsListen        *string `name:"metrics-listen" placeholder:"HOST:PORT" help:"For metrics, or off [127.0.0.1:0]."`
	Rate                 *string `name:"rate" placeholder:"N" help:"Requests a second of each caller [no limit]."`
	Burst                *string `name:"burst" hidden:"" placeholder:"N" help:"Requests at once after a pause [2 x rate]."`
	OIDCIssuer           *string `name:"oidc-issuer" hidden:"" placeholder:"URL" help:"Provider of tokens."`
	OIDCAudience         *string `name:"oidc-audience" hidden:"" placeholder:"TEXT" help:"What their aud names."`
	OIDCClientID         *string `name:"oidc-client-id" hidden:"" placeholder:"TEXT" help:"Client of the sign-in by browser."`
	OIDCClientSecretFile *string `name:"oidc-client-secret-file" hidden:"" placeholder:"FILE" help:"Its secret."`
	OIDCTenantClaim      *string `name:"oidc-tenant-claim" hidden:"" placeholder:"NAME" help:"Claim of the tenant [tenant]."`
	OIDCScopesClaim      *string `name:"oidc-scopes-claim" hidden:"" placeholder:"NAME" help:"Claim of the scopes [scope]."`
	OIDCSubjectClaim     *string `name:"oidc-subject-claim" hidden:"" placeholder:"NAME" help:"Claim of the person [sub]."`
	OIDCTenant           *string `name:"oidc-tenant" hidden:"" placeholder:"NAME" help:"Tenant of tokens without the claim."`
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

// IndexFlags are those of a program that projects the balances.
type IndexFlags struct {
	EventIndex *string `name:"event-index" hidden:"" placeholder:"KIND" help:"Index of the events of all accounts, on or off [on]."`
}

// HistoryFlags are those of a service that serves feeds.
type HistoryFlags struct {
	Bucket *string `name:"bucket" placeholder:"NAME" help:"S3 bucket of the archive, for old events of feeds."`
}

// WebhookFlags are those of a program that sends events to webhooks.
type WebhookFlags struct {
	WebhookAllow *string `name:"webhook-allow" placeholder:"CIDRS" help:"Networks of webhooks besides the internet."`
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
	DeploymentFlags
	Advertise *string `name:"advertise" placeholder:"HOST:PORT" help:"Where the console reaches --listen, or off [its address]."`
}

// DeploymentFlags say which of the deployments in an AWS account a program is part of.
type DeploymentFlags struct {
	Prefix  *string          `name:"prefix" placeholder:"TEXT" help:"Prefix of tables and streams [passbook-]."`
	KMSKey  *string          `name:"kms-key" placeholder:"KEY" help:"KMS key on AWS; else alias/PREFIXbank."`
	Version kong.VersionFlag `name:"version" help:"Print the version and exit."`
}
