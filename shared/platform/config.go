package platform

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"
)

// The stores that a program can run on.
const (
	// Embedded is Pebble and a directory in Config.Data, on one machine with nothing installed.
	Embedded = "embedded"
	// AWS is DynamoDB, Kinesis and S3, or the services at AWS_ENDPOINT_URL.
	AWS = "aws"
)

// The encodings of the records on the stream of events.
const (
	// switchOn and switchOff are the values of a switch.
	switchOn  = "on"
	switchOff = "off"
	// StreamJSON writes every record as JSON, so that filters and plain clients see all of it.
	StreamJSON = "json"
	// StreamZstd compresses records over 4 KB, as the journal does.
	StreamZstd = "zstd"
)

// The modes of access.
const (
	// AuthDev asks for no credentials, and serves only this machine.
	AuthDev = "dev"
	// AuthKeys asks for keys that the bank made.
	AuthKeys = "apikey"
	// AuthOIDC asks for tokens of an OpenID provider.
	AuthOIDC = "oidc"
)

// LogJSON is the LogFormat of a log that programs read.
const LogJSON = "json"

// MetricsOff is the MetricsListen of a process without such a listener.
const MetricsOff = "off"

// PeersOff is the PeerListen of a writer that neither accepts nor forwards commands.
const PeersOff = "off"

// AdvertiseOff is the Advertise of a service that the console does not find.
const AdvertiseOff = "off"

// ErrConfig is returned for a setting that cannot be used. Its text names the flag and the
// variable.
var ErrConfig = errors.New("wrong setting")

// Config is the configuration that every program reads from its environment and its flags. Its zero
// value is not usable: start from FromEnv.
type Config struct {
	// Listen is the address of the HTTP listener, host:port; port 0 chooses a free port.
	Listen string `env:"PASSBOOK_LISTEN" envDefault:"127.0.0.1:8080" flag:"listen"`
	// PeerListen is the address of the listener for commands that other writers forward; empty
	// means a free port of Listen's host, PeersOff means no listener. It is not used where one
	// process has the whole store.
	PeerListen string `env:"PASSBOOK_PEER_LISTEN" flag:"peer-listen"`
	// PeerAddress is the address at which other writers reach that listener; empty means the
	// address it listens on, and the first address of this machine if it listens on every
	// interface.
	PeerAddress string `env:"PASSBOOK_PEER_ADDRESS" flag:"peer-address"`
	// Advertise is the address at which the console reaches Listen; empty means the address it
	// listens on, and the first address of this machine if it listens on every interface.
	// AdvertiseOff tells the console nothing.
	Advertise string `env:"PASSBOOK_ADVERTISE" flag:"advertise"`
	// Auth is the mode of access: AuthDev, AuthKeys or AuthOIDC.
	Auth string `env:"PASSBOOK_AUTH" envDefault:"dev" flag:"auth"`
	// Hosts are the names, besides those of the loopback interface, under which AuthDev serves,
	// separated by commas, without ports.
	Hosts []string `env:"PASSBOOK_HOSTS" flag:"hosts"`
	// TLSCert and TLSKey are files in PEM form with which the HTTP listener speaks TLS; both or
	// none.
	TLSCert string `env:"PASSBOOK_TLS_CERT" flag:"tls-cert"`
	TLSKey  string `env:"PASSBOOK_TLS_KEY" flag:"tls-key"`
	// MetricsListen is the address of a listener for metrics alone, which asks for no credentials;
	// MetricsOff means none.
	MetricsListen string `env:"PASSBOOK_METRICS_LISTEN" envDefault:"127.0.0.1:0" flag:"metrics-listen"`
	// OIDCIssuer is the URL of the provider that signs tokens, and OIDCAudience what their aud must
	// name. AuthOIDC needs both.
	OIDCIssuer   string `env:"PASSBOOK_OIDC_ISSUER" flag:"oidc-issuer"`
	OIDCAudience string `env:"PASSBOOK_OIDC_AUDIENCE" flag:"oidc-audience"`
	// OIDCClientID, and the secret in the file if there is one, identify this bank to the provider
	// when a person signs in by a browser. Without an id nobody can.
	OIDCClientID         string `env:"PASSBOOK_OIDC_CLIENT_ID" flag:"oidc-client-id"`
	OIDCClientSecretFile string `env:"PASSBOOK_OIDC_CLIENT_SECRET_FILE" flag:"oidc-client-secret-file"`
	// OIDCTenantClaim, OIDCScopesClaim and OIDCSubjectClaim name the claims of a token that have
	// its tenant, scopes and subject. OIDCTenant is the tenant of a token without that claim; empty
	// refuses such a token.
	OIDCTenantClaim  string `env:"PASSBOOK_OIDC_TENANT_CLAIM" envDefault:"tenant" flag:"oidc-tenant-claim"`
	OIDCScopesClaim  string `env:"PASSBOOK_OIDC_SCOPES_CLAIM" envDefault:"scope" flag:"oidc-scopes-claim"`
	OIDCSubjectClaim string `env:"PASSBOOK_OIDC_SUBJECT_CLAIM" envDefault:"sub" flag:"oidc-subject-claim"`
	OIDCTenant       string `env:"PASSBOOK_OIDC_TENANT" flag:"oidc-tenant"`
	// Rate is how many requests a second each principal may send to this process, and Burst how
	// many at once after a pause; a Rate of 0 is no limit, a Burst of 0 twice the rate.
	Rate  int `env:"PASSBOOK_RATE" envDefault:"0" flag:"rate"`
	Burst int `env:"PASSBOOK_BURST" envDefault:"0" flag:"burst"`
	// OpsListen is the address of the listener for jobs and profiles. It MUST be a
	// loopback address: the listener asks for no credentials.
	OpsListen string `env:"PASSBOOK_OPS_LISTEN" envDefault:"127.0.0.1:0" flag:"ops-listen"`
	// Data is the directory of the embedded engine.
	Data string `env:"PASSBOOK_DATA" envDefault:"./data" flag:"data"`
	// Store is Embedded or AWS.
	Store string `env:"PASSBOOK_STORE" envDefault:"embedded" flag:"store"`
	// Environment is what people call this deployment, on every page of the console; with
	// :production at its end the pages are marked as those of real money.
	Environment string `env:"PASSBOOK_ENVIRONMENT" flag:"environment"`
	// Prefix starts the names of tables and streams, so that several deployments can share an AWS
	// account.
	Prefix string `env:"PASSBOOK_PREFIX" envDefault:"passbook-" flag:"prefix"`
	// Bucket is the S3 bucket of the archive, required on AWS by programs that use the archive; the
	// embedded engine has a directory instead.
	Bucket string `env:"PASSBOOK_BUCKET" flag:"bucket"`
	// KMSKey is the key in KMS that protects the bank's data keys, by alias, id or ARN; empty means
	// alias/<prefix>bank. The embedded engine has a file instead.
	KMSKey string `env:"PASSBOOK_KMS_KEY" flag:"kms-key"`
	// Shards is how many shards a stream is created with, 1 to 1024.
	Shards int `env:"PASSBOOK_SHARDS" envDefault:"4" flag:"shards"`
	// NotificationShards is how many shards the stream of notifications is created with, 1 to 1024:
	// few events cause a message.
	NotificationShards int `env:"PASSBOOK_NOTIFICATION_SHARDS" envDefault:"1" flag:"notification-shards"`
	// StreamEncoding is how records of entry format 2 are written to the stream of events,
	// StreamJSON or StreamZstd. Readers accept both at any time.
	StreamEncoding string `env:"PASSBOOK_STREAM_ENCODING" envDefault:"json" flag:"stream-encoding"`
	// EventIndex says whether the projector of the balances indexes the events of all accounts, on
	// or off.
	EventIndex string `env:"PASSBOOK_EVENT_INDEX" envDefault:"on" flag:"event-index"`
	// WebhookAllow are networks to which events may be sent although they are not on the internet.
	WebhookAllow []netip.Prefix `env:"PASSBOOK_WEBHOOK_ALLOW" flag:"webhook-allow"`
	// Instance names this process in leases; empty means the name of the host and the process id.
	Instance string `env:"PASSBOOK_INSTANCE" flag:"instance"`
	// Lease is how long a process without a heartbeat keeps its shards and its writer session, 5 s
	// to 5 min.
	Lease time.Duration `env:"PASSBOOK_LEASE" envDefault:"10s" flag:"lease"`
	// SegmentAge is the greatest age of the oldest event of an unwritten archive segment, 1 s to 1
	// h.
	SegmentAge time.Duration `env:"PASSBOOK_SEGMENT_AGE" envDefault:"60s" flag:"segment-age"`
	// SegmentBytes is the approximate size of an archive segment, 1 KiB to 1 GiB.
	SegmentBytes Bytes `env:"PASSBOOK_SEGMENT_BYTES" envDefault:"64MiB" flag:"segment-bytes"`
	// DrainDelay is how long a stopping program still serves after /readyz reports it, so that load
	// balancers and callers turn to others, 0 to 1 min.
	DrainDelay time.Duration `env:"PASSBOOK_DRAIN_DELAY" envDefault:"1s" flag:"drain-delay"`
	// EffectiveBack and EffectiveAhead are how many days the effective_at of a command may lie
	// before and after the UTC day on which it is decided.
	EffectiveBack  int `env:"PASSBOOK_EFFECTIVE_BACK" envDefault:"3653" flag:"effective-back"`
	EffectiveAhead int `env:"PASSBOOK_EFFECTIVE_AHEAD" envDefault:"0" flag:"effective-ahead"`
	// Memory bounds the memory of the process, 64 MiB to 1 TiB; 0 means the limit of its cgroup, or
	// else a quarter of the machine.
	Memory Bytes `env:"PASSBOOK_MEMORY" envDefault:"0" flag:"memory"`
	// MinFree is the free space on the data directory's volume below which commands are refused; 0
	// derives it from the size of the volume.
	MinFree Bytes `env:"PASSBOOK_MIN_FREE" envDefault:"0" flag:"min-free"`
	// LogLevel is debug, info, warn or error.
	LogLevel string `env:"PASSBOOK_LOG_LEVEL" envDefault:"info" flag:"log-level"`
	// Given says which settings were given and where, for the log.
	Given string
	// LogFormat is text or json.
	LogFormat string `env:"PASSBOOK_LOG_FORMAT" envDefault:"text" flag:"log-format"`
}

// FromEnv returns the configuration of environ, in the form of os.Environ, over the defaults. Its
// errors match ErrConfig.
func FromEnv(environ []string) (Config, error) {
	var c Config
	err := env.ParseWithOptions(&c, env.Options{Environment: env.ToMap(environ)})
	var all env.AggregateError
	if !errors.As(err, &all) {
		return c, err
	}
	for _, err := range all.Errors {
		var parse env.ParseError
		if errors.As(err, &parse) {
			return c, c.invalid(parse.Name, "cannot be read: %v", parse.Err)
		}
	}
	return c, fmt.Errorf("%w: %w", ErrConfig, err)
}

// prefixes matches the prefixes that are valid in names of tables and of streams.
var prefixes = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)

// buckets matches the names that S3 allows for buckets.
var buckets = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

// kmsKeys matches aliases, ids and ARNs of keys.
var kmsKeys = regexp.MustCompile(`^[A-Za-z0-9:/_-]{1,256}$`)

// maxEffective is the most days of EffectiveBack and EffectiveAhead: a century.
const maxEffective = 36_525

// CompressRecords reports whether records over 4 KB are compressed on the stream of events.
func (c Config) CompressRecords() bool { return c.StreamEncoding == StreamZstd }

// IndexesEvents reports whether the events of all accounts are indexed.
func (c Config) IndexesEvents() bool { return c.EventIndex == switchOn }

// Validate checks every setting. Its errors match ErrConfig and name the flag and the variable.
func (c Config) Validate() error {
	switch {
	case c.Store != Embedded && c.Store != AWS:
		return c.invalid("Store", "%q is neither %s nor %s", c.Store, Embedded, AWS)
	case c.Store == Embedded && c.Data == "":
		return c.invalid("Data", "is empty: name a directory")
	case c.Environment != "" && !environments.MatchString(c.Environment):
		return c.invalid("Environment", "%q is not 1 to 32 letters, digits, spaces and . _ -, with :production after it or without", c.Environment)
	case !prefixes.MatchString(c.Prefix):
		return c.invalid("Prefix", "%q is not 1 to 32 of a-z, 0-9 and -, starting with a letter or digit", c.Prefix)
	case c.Shards < 1 || c.Shards > 1024:
		return c.invalid("Shards", "%d is not 1 to 1024", c.Shards)
	case c.NotificationShards < 1 || c.NotificationShards > 1024:
		return c.invalid("NotificationShards", "%d is not 1 to 1024", c.NotificationShards)
	case c.StreamEncoding != StreamJSON && c.StreamEncoding != StreamZstd:
		return c.invalid("StreamEncoding", "%q is neither %s nor %s", c.StreamEncoding, StreamJSON, StreamZstd)
	case c.EventIndex != switchOn && c.EventIndex != switchOff:
		return c.invalid("EventIndex", "%q is neither %s nor %s", c.EventIndex, switchOn, switchOff)
	case c.Lease < 5*time.Second || c.Lease > 5*time.Minute:
		return c.invalid("Lease", "%v is not 5s to 5m", c.Lease)
	case c.SegmentAge < time.Second || c.SegmentAge > time.Hour:
		return c.invalid("SegmentAge", "%v is not 1s to 1h", c.SegmentAge)
	case c.SegmentBytes < 1<<10 || c.SegmentBytes > 1<<30:
		return c.invalid("SegmentBytes", "%v is not 1KiB to 1GiB", c.SegmentBytes)
	case c.Memory != 0 && (c.Memory < minMemory || c.Memory > 1<<40):
		return c.invalid("Memory", "%v is not 64MiB to 1024GiB", c.Memory)
	case c.Bucket != "" && !buckets.MatchString(c.Bucket):
		return c.invalid("Bucket", "%q is not 3 to 63 of a-z, 0-9, . and -", c.Bucket)
	case c.KMSKey != "" && !kmsKeys.MatchString(c.KMSKey):
		return c.invalid("KMSKey", "%q is no alias/NAME, key id or ARN of a key", c.KMSKey)
	case c.DrainDelay < 0 || c.DrainDelay > time.Minute:
		return c.invalid("DrainDelay", "%v is not 0s to 1m", c.DrainDelay)
	case c.EffectiveBack < 0 || c.EffectiveBack > maxEffective:
		return c.invalid("EffectiveBack", "%d is not 0 to %d days", c.EffectiveBack, maxEffective)
	case c.EffectiveAhead < 0 || c.EffectiveAhead > maxEffective:
		return c.invalid("EffectiveAhead", "%d is not 0 to %d days", c.EffectiveAhead, maxEffective)
	case strings.ContainsAny(c.Instance, "#\n") || len(c.Instance) > 64:
		return c.invalid("Instance", "has a # or a line break, or is longer than 64 bytes")
	}
	if err := c.validateAccess(); err != nil {
		return err
	}
	return c.validateListeners()
}

// maxRate bounds Rate and Burst.
const maxRate = 1_000_000

// validateAccess checks the settings of who may call.
func (c Config) validateAccess() error {
	switch {
	case c.Auth != AuthDev && c.Auth != AuthKeys && c.Auth != AuthOIDC:
		return c.invalid("Auth", "%q is neither %s nor %s nor %s", c.Auth, AuthDev, AuthKeys, AuthOIDC)
	case (c.TLSCert == "") != (c.TLSKey == ""):
		return c.invalid("TLSCert", "needs --tls-key (PASSBOOK_TLS_KEY), and the other way round")
	case c.Auth == AuthOIDC && c.OIDCIssuer == "":
		return c.invalid("OIDCIssuer", "is needed for --auth %s: the URL of the provider", AuthOIDC)
	case c.Auth == AuthOIDC && c.OIDCAudience == "":
		return c.invalid("OIDCAudience", "is needed for --auth %s: what the tokens' aud must name", AuthOIDC)
	case c.Rate < 0 || c.Rate > maxRate:
		return c.invalid("Rate", "%d is not 0 to %d requests a second", c.Rate, maxRate)
	case c.Burst < 0 || c.Burst > maxRate:
		return c.invalid("Burst", "%d is not 0 to %d requests", c.Burst, maxRate)
	case c.Burst != 0 && c.Rate == 0:
		return c.invalid("Burst", "needs --rate (PASSBOOK_RATE), which it is a burst above")
	}
	return nil
}

// CheckExposed returns an error where a program that serves asks for no credentials and would be
// reachable from other machines. It is for programs that serve; a job has no listener.
func (c Config) CheckExposed() error {
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil || c.Auth != AuthDev || isLoopback(host) {
		return nil
	}
	return c.invalid("Listen", "%s is reachable from other machines, and --auth %s asks nobody who they are: listen on 127.0.0.1, or name --auth %s or --auth %s (PASSBOOK_AUTH)",
		c.Listen, AuthDev, AuthKeys, AuthOIDC)
}

// isLoopback reports whether a host is this machine's loopback interface.
func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// validateListeners checks the settings of addresses.
func (c Config) validateListeners() error {
	if err := checkAddress(c.Listen); err != nil {
		return c.invalid("Listen", "%v", err)
	}
	if err := checkAddress(c.OpsListen); err != nil {
		return c.invalid("OpsListen", "%v", err)
	}
	if err := checkAddress(c.PeerListen); err != nil && c.PeerListen != "" && c.PeerListen != PeersOff {
		return c.invalid("PeerListen", "%v", err)
	}
	if err := checkAddress(c.PeerAddress); err != nil && c.PeerAddress != "" {
		return c.invalid("PeerAddress", "%v", err)
	}
	if err := checkAddress(c.Advertise); err != nil && c.Advertise != "" && c.Advertise != AdvertiseOff {
		return c.invalid("Advertise", "%v", err)
	}
	if err := checkAddress(c.MetricsListen); err != nil && c.MetricsListen != MetricsOff {
		return c.invalid("MetricsListen", "%v", err)
	}
	host, _, err := net.SplitHostPort(c.OpsListen)
	if err != nil {
		return c.invalid("OpsListen", "%v", err)
	}
	if !isLoopback(host) {
		return c.invalid("OpsListen", "%q is not a loopback address", host)
	}
	return nil
}

// checkAddress returns an error if an address is not host:port.
func checkAddress(address string) error {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("%q is not host:port", address)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return fmt.Errorf("port %q is not 0 to 65535", port)
	}
	return nil
}

// invalid returns the error of a field. It names the flag and the variable, which operators know.
func (c Config) invalid(field, format string, args ...any) error {
	f, ok := reflect.TypeOf(c).FieldByName(field)
	if !ok {
		panic("platform: no setting " + field)
	}
	return fmt.Errorf("%w: --%s (%s) %s", ErrConfig, f.Tag.Get("flag"), f.Tag.Get("env"), fmt.Sprintf(format, args...))
}
