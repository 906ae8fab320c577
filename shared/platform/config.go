package platform

import (
	"errors"
	"fmt"
	"net"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"
)

// The stores that a program can stand on.
const (
	// Embedded is one machine with nothing installed: Pebble and a directory below Config.Data.
	Embedded = "embedded"
	// AWS is DynamoDB, Kinesis and S3, or what AWS_ENDPOINT_URL puts in their place.
	AWS = "aws"
)

// PeersOff is the PeerListen of a writer that neither takes nor forwards commands.
const PeersOff = "off"

// ErrConfig is a setting that cannot be used. Its text names the flag and the variable.
var ErrConfig = errors.New("configuration")

// Config is what every program reads from its environment and its flags. Its zero value is not
// usable: start from FromEnv.
type Config struct {
	// Listen is the address of the HTTP listener, host:port; port 0 takes a free one.
	Listen string `env:"PASSBOOK_LISTEN" envDefault:"127.0.0.1:8080" flag:"listen"`
	// PeerListen is the address of the listener for commands that other writers forward; empty is a
	// free port of Listen's host, PeersOff is none. Where one process has the whole store it is not
	// used.
	PeerListen string `env:"PASSBOOK_PEER_LISTEN" flag:"peer-listen"`
	// PeerAddress is where other writers reach that listener; empty is its own address, and for one
	// that listens on every interface the first address of this machine.
	PeerAddress string `env:"PASSBOOK_PEER_ADDRESS" flag:"peer-address"`
	// OpsListen is the address of the listener for jobs, metrics and profiles. It MUST be a
	// loopback address: it asks for no credentials.
	OpsListen string `env:"PASSBOOK_OPS_LISTEN" envDefault:"127.0.0.1:0" flag:"ops-listen"`
	// Data is the directory of the embedded engine.
	Data string `env:"PASSBOOK_DATA" envDefault:"./data" flag:"data"`
	// Store is Embedded or AWS.
	Store string `env:"PASSBOOK_STORE" envDefault:"embedded" flag:"store"`
	// Prefix starts the names of tables and streams, so that several deployments can share an AWS
	// account.
	Prefix string `env:"PASSBOOK_PREFIX" envDefault:"passbook-" flag:"prefix"`
	// Bucket is the S3 bucket of the archive, which programs that touch the archive need on AWS;
	// the embedded engine has a directory instead.
	Bucket string `env:"PASSBOOK_BUCKET" flag:"bucket"`
	// Shards is how many shards a stream is made with, 1 to 1024.
	Shards int `env:"PASSBOOK_SHARDS" envDefault:"4" flag:"shards"`
	// NotificationShards is how many shards the stream of notifications is made with, 1 to 1024: it
	// has a message at times, and not one for each event.
	NotificationShards int `env:"PASSBOOK_NOTIFICATION_SHARDS" envDefault:"1" flag:"notification-shards"`
	// Instance names this process among the holders of leases; empty takes the host's name and the
	// process id.
	Instance string `env:"PASSBOOK_INSTANCE" flag:"instance"`
	// Lease is how long a silent process keeps its shards and its place as a writer, 5 s to 5 min.
	Lease time.Duration `env:"PASSBOOK_LEASE" envDefault:"10s" flag:"lease"`
	// SegmentAge is how old the oldest event of an unwritten archive segment may become, 1 s to 1
	// h.
	SegmentAge time.Duration `env:"PASSBOOK_SEGMENT_AGE" envDefault:"60s" flag:"segment-age"`
	// SegmentBytes is about how large an archive segment becomes, 1 KiB to 1 GiB.
	SegmentBytes Bytes `env:"PASSBOOK_SEGMENT_BYTES" envDefault:"64MiB" flag:"segment-bytes"`
	// DrainDelay is how long a program that was told to end still serves after /readyz said so, for
	// balancers to turn away and callers to leave their connections, 0 to 1 min.
	DrainDelay time.Duration `env:"PASSBOOK_DRAIN_DELAY" envDefault:"1s" flag:"drain-delay"`
	// EffectiveBack and EffectiveAhead are how many days the effective_at of a command may lie
	// before and after the day it is decided on, UTC.
	EffectiveBack  int `env:"PASSBOOK_EFFECTIVE_BACK" envDefault:"3653" flag:"effective-back"`
	EffectiveAhead int `env:"PASSBOOK_EFFECTIVE_AHEAD" envDefault:"0" flag:"effective-ahead"`
	// Memory is what the process stays under, 64 MiB to 1 TiB; 0 is what its cgroup allows, else a
	// quarter of the machine.
	Memory Bytes `env:"PASSBOOK_MEMORY" envDefault:"0" flag:"memory"`
	// MinFree is how much of the data directory's volume stays free: below it commands are refused.
	// 0 is by the volume's size.
	MinFree Bytes `env:"PASSBOOK_MIN_FREE" envDefault:"0" flag:"min-free"`
	// LogLevel is debug, info, warn or error.
	LogLevel string `env:"PASSBOOK_LOG_LEVEL" envDefault:"info" flag:"log-level"`
	// LogFormat is text or json.
	LogFormat string `env:"PASSBOOK_LOG_FORMAT" envDefault:"text" flag:"log-format"`
}

// FromEnv reads the configuration from environ, as os.Environ gives it, over the defaults. Its
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
			return c, c.refuse(parse.Name, "cannot be read: %v", parse.Err)
		}
	}
	return c, fmt.Errorf("%w: %w", ErrConfig, err)
}

// prefixes are the prefixes that are legal in the names of tables, streams and shards alike.
var prefixes = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)

// buckets are the names that S3 gives to buckets.
var buckets = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

// maxEffective bounds the window of value dates to a century either way.
const maxEffective = 36_525

// Validate checks every setting. Its errors match ErrConfig and name the flag and the variable.
func (c Config) Validate() error {
	switch {
	case c.Store != Embedded && c.Store != AWS:
		return c.refuse("Store", "%q is neither %s nor %s", c.Store, Embedded, AWS)
	case c.Store == Embedded && c.Data == "":
		return c.refuse("Data", "is empty: name a directory")
	case !prefixes.MatchString(c.Prefix):
		return c.refuse("Prefix", "%q is not 1 to 32 of a-z, 0-9 and -, with no - first", c.Prefix)
	case c.Shards < 1 || c.Shards > 1024:
		return c.refuse("Shards", "%d is not 1 to 1024", c.Shards)
	case c.NotificationShards < 1 || c.NotificationShards > 1024:
		return c.refuse("NotificationShards", "%d is not 1 to 1024", c.NotificationShards)
	case c.Lease < 5*time.Second || c.Lease > 5*time.Minute:
		return c.refuse("Lease", "%v is not 5s to 5m", c.Lease)
	case c.SegmentAge < time.Second || c.SegmentAge > time.Hour:
		return c.refuse("SegmentAge", "%v is not 1s to 1h", c.SegmentAge)
	case c.SegmentBytes < 1<<10 || c.SegmentBytes > 1<<30:
		return c.refuse("SegmentBytes", "%v is not 1KiB to 1GiB", c.SegmentBytes)
	case c.Memory != 0 && (c.Memory < minMemory || c.Memory > 1<<40):
		return c.refuse("Memory", "%v is not 64MiB to 1024GiB", c.Memory)
	case c.Bucket != "" && !buckets.MatchString(c.Bucket):
		return c.refuse("Bucket", "%q is not 3 to 63 of a-z, 0-9, . and -", c.Bucket)
	case c.DrainDelay < 0 || c.DrainDelay > time.Minute:
		return c.refuse("DrainDelay", "%v is not 0s to 1m", c.DrainDelay)
	case c.EffectiveBack < 0 || c.EffectiveBack > maxEffective:
		return c.refuse("EffectiveBack", "%d is not 0 to %d days", c.EffectiveBack, maxEffective)
	case c.EffectiveAhead < 0 || c.EffectiveAhead > maxEffective:
		return c.refuse("EffectiveAhead", "%d is not 0 to %d days", c.EffectiveAhead, maxEffective)
	case strings.ContainsAny(c.Instance, "#\n") || len(c.Instance) > 64:
		return c.refuse("Instance", "has a # or a line break, or is longer than 64 bytes")
	}
	return c.validateListeners()
}

// validateListeners checks the addresses.
func (c Config) validateListeners() error {
	if err := checkAddress(c.Listen); err != nil {
		return c.refuse("Listen", "%v", err)
	}
	if err := checkAddress(c.OpsListen); err != nil {
		return c.refuse("OpsListen", "%v", err)
	}
	if err := checkAddress(c.PeerListen); err != nil && c.PeerListen != "" && c.PeerListen != PeersOff {
		return c.refuse("PeerListen", "%v", err)
	}
	if err := checkAddress(c.PeerAddress); err != nil && c.PeerAddress != "" {
		return c.refuse("PeerAddress", "%v", err)
	}
	host, _, err := net.SplitHostPort(c.OpsListen)
	if err != nil {
		return c.refuse("OpsListen", "%v", err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return c.refuse("OpsListen", "%q is not a loopback address", host)
	}
	return nil
}

// checkAddress says what is wrong with a host:port.
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

// refuse makes the error of a field, which the reader knows by its flag and its variable.
func (c Config) refuse(field, format string, args ...any) error {
	f, ok := reflect.TypeOf(c).FieldByName(field)
	if !ok {
		panic("platform: no setting " + field)
	}
	return fmt.Errorf("%w: --%s (%s) %s", ErrConfig, f.Tag.Get("flag"), f.Tag.Get("env"), fmt.Sprintf(format, args...))
}

// toolVariables are those that other programs of this tree read: the scripts that start a
// LocalStack, and the tests.
var toolVariables = []string{"PASSBOOK_LOCALSTACK_HOME", "PASSBOOK_JAVA", "PASSBOOK_KILLS", "PASSBOOK_TEST_UNVERSIONED"}

// Unknown lists the variables of environ that look like settings and are none, such as misspelt
// ones.
func Unknown(environ []string) (names []string) {
	t := reflect.TypeFor[Config]()
	for _, variable := range environ {
		name, _, _ := strings.Cut(variable, "=")
		if !strings.HasPrefix(name, "PASSBOOK_") || slices.Contains(toolVariables, name) || slices.Contains(names, name) {
			continue
		}
		if !slices.ContainsFunc(reflect.VisibleFields(t), func(f reflect.StructField) bool { return f.Tag.Get("env") == name }) {
			names = append(names, name)
		}
	}
	return names
}

// Variable is the environment variable of a flag, without its dashes.
func Variable(flag string) (name string, ok bool) {
	t := reflect.TypeFor[Config]()
	for i := range t.NumField() {
		if t.Field(i).Tag.Get("flag") == flag {
			return t.Field(i).Tag.Get("env"), true
		}
	}
	return "", false
}
