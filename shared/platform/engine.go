package platform

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"passbook/shared/bucket"
	"passbook/shared/stream"
	"passbook/shared/table"
)

// ErrHeld: another process holds the data directory. Ask it to do the work, by its ops listener, or
// end it first.
var ErrHeld = errors.New("the data directory is held by another process")

// ErrData: the data directory is damaged, or of a newer program. Nothing in it was changed.
var ErrData = errors.New("the data directory cannot be used")

// UnusableError says that the stores cannot be used as they are: nobody answers, credentials or
// rights are missing, a resource is not there or of another layout. Nothing was changed.
type UnusableError struct {
	// What is wrong, in one line; Next is what to do about it.
	What, Next string
	// Err is the cause, or nil.
	Err error
}

// Error is what is wrong.
func (e *UnusableError) Error() string { return e.What }

// Unwrap is the cause.
func (e *UnusableError) Unwrap() error { return e.Err }

// Resources are what a program needs to find.
type Resources struct {
	// Tables are the schemas of the tables, without the deployment's prefix.
	Tables []table.Schema
	// Writes names those of the tables whose every row the program may put, as it has to.
	Writes []string
	// Streams are the names of the streams, without the prefix.
	Streams []string
	// Archive says that the program touches the archive.
	Archive bool
}

// Engine is what a program stands on. Its ports may be used concurrently until Close.
type Engine struct {
	Table   table.Table
	Streams stream.Stream
	// Bucket is nil on AWS where the program did not ask for the archive.
	Bucket bucket.Bucket
	// Exclusive says that no other process can use the stores while this one does, so that whatever
	// another left behind, a lease or a writer, is dead.
	Exclusive bool
	// Space watches the room where the data is; nil on AWS.
	Space *Space
	// Where says for a person what the stores are, one line each.
	Where []string

	store store
}

// store is what an engine does besides its ports. The names of streams are full.
type store interface {
	// prepare makes sure that the resources are there.
	prepare(ctx context.Context) error
	// create makes those that are missing.
	create(ctx context.Context) error
	createStream(ctx context.Context, name string) error
	// renewStream deletes a stream and makes it again, with as many shards as were open.
	renewStream(ctx context.Context, name string) error
	// explain makes an UnusableError of an error that has one cause and one cure.
	explain(err error) error
	close() error
}

// Stream is the name of a stream in this deployment.
func (c Config) Stream(name string) string { return c.Prefix + name }

// NotificationStream is the name of the stream of notifications in any deployment.
const NotificationStream = "notifications"

// ShardsOf is how many shards a new stream is made with. Its name is full.
func (c Config) ShardsOf(name string) int {
	if name == c.Stream(NotificationStream) {
		return c.NotificationShards
	}
	return c.Shards
}

// Open opens the stores that the configuration names, and makes none of the resources. It fails
// with ErrConfig, ErrHeld, ErrData or an *UnusableError, having changed nothing.
func Open(ctx context.Context, c Config, r Resources, log *slog.Logger) (*Engine, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if c.Store == AWS {
		return openAWS(ctx, c, r, log)
	}
	return openEmbedded(c, r, log)
}

// Prepare makes sure that the resources are there. The embedded engine makes what is missing. On
// AWS, where that is an act of its own with rights of its own, they are only looked at: what is
// missing, of another layout or may not be written to is an *UnusableError.
func (e *Engine) Prepare(ctx context.Context) error { return e.store.prepare(ctx) }

// CreateResources makes the tables, streams and buckets that are missing, and leaves alone those
// that are there.
func (e *Engine) CreateResources(ctx context.Context) error { return e.store.create(ctx) }

// CreateStream makes a stream, by its full name, if it is missing.
func (e *Engine) CreateStream(ctx context.Context, name string) error {
	if err := e.store.createStream(ctx, name); err != nil {
		return fmt.Errorf("create stream %s: %w", name, err)
	}
	return nil
}

// RenewStream gives a stream, by its full name, a new life: its records are gone, and what comes
// then has no number of before.
func (e *Engine) RenewStream(ctx context.Context, name string) error {
	if err := e.store.renewStream(ctx, name); err != nil {
		return fmt.Errorf("renew stream %s: %w", name, err)
	}
	return nil
}

// Explain makes an *UnusableError of an error of the stores that has one cause and one cure, and
// leaves others as they are.
func (e *Engine) Explain(err error) error {
	var known *UnusableError
	if err == nil || errors.As(err, &known) {
		return err
	}
	return e.store.explain(err)
}

// Through is the engine as another process would see it: through ports of its own, never exclusive,
// and closing it closes nothing. For tests of many processes in one.
func (e *Engine) Through(t table.Table, s stream.Stream, b bucket.Bucket) *Engine {
	return &Engine{Table: t, Streams: s, Bucket: b, Where: e.Where, store: borrowed{e.store}}
}

// borrowed is a store that somebody else closes.
type borrowed struct{ store }

func (borrowed) close() error { return nil }

// Close gives the stores back. The ports MUST NOT be used any more.
func (e *Engine) Close() error {
	if err := e.store.close(); err != nil {
		return fmt.Errorf("close the stores: %w", err)
	}
	return nil
}
