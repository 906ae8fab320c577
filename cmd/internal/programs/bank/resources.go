package bank

import (
	"context"
	"fmt"

	"passbook/cmd/internal/cli"
	"passbook/cmd/internal/deployment"
	"passbook/cmd/internal/jobs"
	"passbook/shared/platform"
	"passbook/shared/telemetry"
)

// resourcesCommand creates the tables, streams and bucket that the programs use.
type resourcesCommand struct {
	cli.StoreFlags
	Shards             *string `name:"shards" placeholder:"N" help:"Shards of a new stream of events [4]."`
	NotificationShards *string `name:"notification-shards" placeholder:"N" help:"Shards of a new stream of notifications [1]."`
	Check              bool    `name:"check" help:"Only check whether all exist."`
}

// Help returns the example.
func (resourcesCommand) Help() string {
	return "Creates the tables with their indexes, the streams, the bucket and the KMS key with its alias that are missing, and changes nothing that exists. On AWS, " +
		"deploy/template.yaml creates the same with backups, encryption, roles and alarms.\n\nExample:\n\n" +
		"  bank resources --store aws --bucket my-archive"
}

// Run creates or checks them.
func (c *resourcesCommand) Run(ctx context.Context, t *cli.Terminal) (err error) {
	config, err := t.Config(c)
	if err != nil {
		return err
	}
	log, err := telemetry.NewLogger(t.Err, telemetry.LogOptions{Level: "warn", Format: config.LogFormat})
	if err != nil {
		return err
	}
	engine, err := platform.Open(ctx, config, jobs.Everything(), log)
	if err != nil {
		return err
	}
	defer func() {
		if closed := engine.Close(); err == nil {
			err = closed
		}
	}()
	for _, store := range engine.Descriptions {
		fmt.Fprintln(t.Out, store)
	}
	if c.Check {
		err = engine.Prepare(ctx)
	} else {
		err = engine.CreateResources(ctx)
	}
	if err == nil && !c.Check {
		err = engine.Explain(deployment.Stores(config, engine, log).Begin(ctx))
	}
	if err != nil {
		return err
	}
	for _, s := range jobs.Everything().Tables {
		fmt.Fprintf(t.Out, "table   %s%s, %d indexes\n", config.Prefix, s.Name, len(s.Indexes))
	}
	for _, name := range jobs.Resources().Streams {
		shards, err := engine.Streams.Shards(ctx, config.Stream(name))
		if err != nil {
			return engine.Explain(err)
		}
		open := 0
		for _, s := range shards {
			if !s.Closed {
				open++
			}
		}
		fmt.Fprintf(t.Out, "stream  %s, %d open shards\n", config.Stream(name), open)
		if asked := c.Shards != nil || c.NotificationShards != nil; asked && open != config.ShardsOf(config.Stream(name)) {
			fmt.Fprintf(t.Err, "bank: --shards is for a new stream; %s exists and is not changed: use UpdateShardCount\n", config.Stream(name))
		}
	}
	if config.Store == platform.AWS {
		fmt.Fprintf(t.Out, "bucket  %s\nkey     %s\n", config.Bucket, config.KeyName())
	}
	return nil
}
