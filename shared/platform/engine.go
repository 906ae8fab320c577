package platform

import (
	"context"
	"errors"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"passbook/shared/bucket"
	"passbook/shared/keywrap"
	"passbook/shared/stream"
	"passbook/shared/table"
)

// ErrLocked is returned when another process uses the data directory. Ask it to do the work through
// its ops listener, or stop it first.
var ErrLocked = errors.New("another process uses the data directory")

// ErrData is returned when the data directory is damaged, was written by a newer program, or is not
// the directory of a bank. Nothing in it was changed.
var ErrData = errors.New("the data directory cannot be used")

// UnusableError reports that the stores cannot be used as they are: no service answers, credentials
// or permissions are missing, a resource does not exist or has another layout. Nothing was changed.
type UnusableError struct {
	// What says in one line what is wrong, and Next what to do about it.
	What, Next string
	// Err is the cause, or nil.
	Err error
}

// Error returns what is wrong.
func (e *UnusableError) Error() string { return e.What }

// Unwrap returns the cause.
func (e *UnusableError) Unwrap() error { return e.Err }

// Resources are the tables, streams and bucket that a program uses.
type Resources struct {
	// Tables are the schemas of the tables, without the deployment's prefix.
	Tables []table.Schema
	// Writes names the tables that the program must be allowed to put any row into.
	Writes []string
	// Streams are the names of the streams, without the prefix.
	Streams []string
	// Archive reports whether the program uses the archive. ReadsArchive reports that it does if
	// the settings name the bucket, and only reads it.
	Archive, ReadsArchive bool
}

// Engine is the set of stores that a program runs on. Its ports may be used concurrently until
// Close.
type Engine struct {
	Table   table.Table
	Streams stream.Stream
	// Bucket is nil on AWS where the program did not ask for the archive.
	Bucket bucket.Bucket
	// Keys wraps and unwraps the bank's data keys; each is unwrapped once.
	Keys keywrap.Wrapper
	// Exclusive reports whether no other process can use the stores while this one does, so that
	// every lease and writer session of another process is dead.
	Exclusive bool
	// Space watches the free space of the data's volume; nil on AWS.
	Space *Space
	// Metrics are those of the stores, as a prometheus.Collector; nil on AWS, which has its own.
	Metrics prometheus.Collector
	// Descriptions describe each store in one line, for people.
	Descriptions []string
	// Place is where the stores are: the directory, the endpoint of an emulator, or the region.
	// Emulated says that it is an emulator.
	Place    string
	Emulated bool

	Admin
}

// Admin creates and closes the stores behind the ports of an Engine. Names of streams are full,
// with the prefix of the deployment.
type Admin interface {
	// Prepare makes sure that the resources exist. The embedded engine creates those that are
	// missing. On AWS, where creating needs other permissions, Prepare only looks: a resource
	// that is missing, has another layout or may not be written to is an *UnusableError.
	Prepare(ctx context.Context) error
	// Account returns the AWS account of the stores, once Prepare has looked at them; "" elsewhere.
	Account() string
	// CreateResources creates the tables, streams, buckets and the key that are missing, and does
	// not change those that exist.
	CreateResources(ctx context.Context) error
	// CreateStream creates a stream, if it is missing.
	CreateStream(ctx context.Context, name string) error
	// RenewStream deletes a stream with its records and creates it again, with as many shards as
	// were open. No sequence number is given out twice.
	RenewStream(ctx context.Context, name string) error
	// RaiseFormat marks the stores so that a program that knows no newer format than the one before
	// this program's refuses them at its start. The embedded engine has a file for it; on AWS,
	// where the bank's row alone says it, RaiseFormat does nothing.
	RaiseFormat(ctx context.Context) error
	// Snapshot takes a copy of the database, and a list of the archive at the same moment.
	// Everything that was acknowledged before the call is in it, and the archive is not ahead of
	// the database. One is taken at a time. On AWS it fails with ErrConfig.
	Snapshot(ctx context.Context) (*Snapshot, error)
	// Caller returns who runs this process, as the actor of what it does: os:<uid> of the embedded
	// engine, aws:<role or user> on AWS. It is at most 64 bytes.
	Caller(ctx context.Context) string
	// Explain returns an *UnusableError for an error of the stores that has one cause and one
	// remedy, and any other error as it is.
	Explain(err error) error
	// Close closes the stores. The ports MUST NOT be used after it.
	Close() error
}

// KeyName returns the name of the key in KMS.
func (c Config) KeyName() string {
	if c.KMSKey == "" {
		return "alias/" + c.Prefix + "bank"
	}
	return c.KMSKey
}

// Stream returns the full name of a stream in this deployment.
func (c Config) Stream(name string) string { return c.Prefix + name }

// NotificationStream is the name of the stream of notifications in any deployment.
const NotificationStream = "notifications"

// ShardsOf returns how many shards a new stream of that full name is created with.
func (c Config) ShardsOf(name string) int {
	if name == c.Stream(NotificationStream) {
		return c.NotificationShards
	}
	return c.Shards
}

// Open opens the stores that the configuration names, and creates no resource. It fails with
// ErrConfig, ErrLocked, ErrData or an *UnusableError, and then has changed nothing.
func Open(ctx context.Context, c Config, r Resources, log *slog.Logger) (*Engine, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if c.Store == AWS {
		return openAWS(ctx, c, r, log)
	}
	return openEmbedded(c, r, log)
}

// explained reports whether err needs no explanation: there is none, or it has been explained.
func explained(err error) bool {
	return err == nil || errors.As(err, new(*UnusableError))
}
