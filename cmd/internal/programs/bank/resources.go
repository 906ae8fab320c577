package bank

import (
	"context"
	"fmt"

	"passbook/cmd/internal/console"
	"passbook/cmd/internal/deployment"
	"passbook/cmd/internal/jobs"
	"passbook/shared/platform"
	"passbook/shared/telemetry"
)

// resourcesCommand makes what the programs stand on.
type resourcesCommand struct {
	console.StoreFlags
	Shards             *string `name:"shards" placeholder:"N" help:"Shards of a new stream of events [4]."`
	NotificationShards *string `name:"notification-shards" placeholder:"N" help:"Shards of a new stream of notifications [1]."`
	Check              bool    `name:"check" help:"Only look whether all is there."`
}

// Help is the example.
func (resourcesCommand) Help() string {
	return "Makes the tables with their indexes, the streams and the bucket that are missing, and leaves alone what is there. On AWS, " +
		"deploy/template.yaml makes the same with backups, encryption, roles and alarms.\n\nExample:\n\n" +
		"  bank resources --store aws --bucket my-archive"
}

// Run makes them.
func (c *resourcesCommand) Run(ctx context.Context, t *console.Terminal) (err error) {
	config, err := t.Config(c)
	if err != nil {
		return err
	}
	log, err := telemetry.NewLogger(t.Err, telemetry.LogOptions{Level: "warn", Format: config.LogFormat})
	if err != nil {
		return err
	}
	engine, err := platform.Open(ctx, config, jobs.Resources(), log)
	if err != nil {
		return err
	}
	defer func() {
		if closed := engine.Close(); err == nil {
			err = closed
		}
	}()
	for _, where := range engine.Where {
		fmt.Fprintln(t.Out, where)
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
	for _, s := range jobs.Resources().Tables {
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
			fmt.Fprintf(t.Err, "bank: shards are for a new stream; %s stays as it is: UpdateShardCount changes it\n", config.Stream(name))
		}
	}
	if config.Store == platform.AWS {
		fmt.Fprintf(t.Out, "bucket  %s\n", config.Bucket)
	}
	return nil
}
