// Command reshard splits a shard of an embedded bank's stream of events and merges two others, as
// an operator of Kinesis does; the bank must not run. Only tests need it: the embedded engine gains
// nothing by more shards.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"passbook/cmd/internal/deployment"
	"passbook/cmd/internal/jobs"
	"passbook/shared/platform"
)

// patience bounds the whole change.
const patience = time.Minute

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "reshard:", err)
		os.Exit(1)
	}
}

// run reshards the bank in the data directory that PASSBOOK_DATA names.
func run() (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	config, err := platform.FromEnv(os.Environ())
	if err != nil {
		return err
	}
	engine, err := platform.Open(ctx, config, jobs.Resources(), slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, engine.Close()) }()
	streams, ok := engine.Streams.(admin)
	if !ok {
		return errors.New("the stream is not the embedded engine's: use the API of Kinesis")
	}
	name := config.Stream(deployment.EventStream)
	shards, err := engine.Streams.Shards(ctx, name)
	if err != nil {
		return err
	}
	return change(ctx, streams, name, shards)
}
