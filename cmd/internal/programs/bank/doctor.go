package bank

import (
	"context"
	"errors"
	"fmt"
	"time"

	"passbook/cmd/internal/cli"
	"passbook/cmd/internal/jobs"
	"passbook/cmd/internal/ops"
	"passbook/cmd/internal/watch"
	"passbook/shared/platform"
)

// keyEndsSoon is how long a key is to be valid.
const keyEndsSoon = 21 * 24 * time.Hour

// doctorCommand looks for what is wrong with a bank, or with its stores.
type doctorCommand struct {
	watch.Doctor
	cli.StoreFlags
}

// Run looks at the stores, if they are named, and otherwise at the bank that the other commands
// call.
func (c *doctorCommand) Run(ctx context.Context, t *cli.Terminal) error {
	if c.Data == nil && c.Store == nil {
		return c.Doctor.Run(ctx, t)
	}
	return c.Look(ctx, t, c.stores)
}

// stores looks at a data directory, or at the resources on AWS, with jobs that change nothing: they
// run in the bank that has the stores open, and otherwise open them.
func (c *doctorCommand) stores(ctx context.Context, v *watch.Visit) error {
	config, err := v.Terminal.Config(&c.StoreFlags)
	if err != nil {
		return err
	}
	if err := platform.Present(config); err != nil {
		v.NoWay("stores", err)
		return nil
	}
	if config.Store != platform.AWS {
		lookForBank(ctx, v, config)
	}
	quarantined, err := jobs.Command[[]jobs.Quarantined]{Name: "quarantine", Params: jobs.QuarantineParams{}}.Do(ctx, v.Terminal, config)
	if err != nil {
		v.NoWay("stores", err)
		return nil
	}
	place := config.Data
	if config.Store == platform.AWS {
		place = config.Prefix + "* on AWS, archive " + config.Bucket
	}
	v.Add("stores", watch.StateOK, place+": journal, control table, read models and archive can be opened, and belong together", "")
	if len(quarantined) > 0 {
		v.Add("quarantine", watch.StateWarning, fmt.Sprintf("%d accounts or records are in quarantine", len(quarantined)), "bank quarantine list shows them and why; bank quarantine redrive continues them")
	} else {
		v.Add("quarantine", watch.StateOK, "empty", "")
	}
	lookAtKeys(ctx, v, config)
	return nil
}

// lookForBank tells whether a bank runs on the data directory.
func lookForBank(ctx context.Context, v *watch.Visit, config platform.Config) {
	at, err := platform.FindOps(config.Data)
	if err == nil {
		_, err = ops.NewClient(at.Address, at.Secret).Get(ctx, "none")
	}
	if err == nil || errors.Is(err, ops.ErrRefused) {
		v.Add("bank", watch.StateOK, "it runs, and takes jobs at "+at.Address, "")
		return
	}
	v.Add("bank", watch.StateSkipped, "none runs on this directory", "")
}

// lookAtKeys tells which API keys end soon.
func lookAtKeys(ctx context.Context, v *watch.Visit, config platform.Config) {
	keys, err := jobs.Command[[]jobs.APIKey]{Name: "key-list", Params: jobs.KeyListParams{}}.Do(ctx, v.Terminal, config)
	if err != nil {
		v.Fail("keys", err)
		return
	}
	valid := 0
	for _, key := range keys {
		if key.State != "active" {
			continue
		}
		valid++
		if !key.Expires.IsZero() && time.Until(key.Expires) < keyEndsSoon {
			v.Add("keys", watch.StateWarning, fmt.Sprintf("the key %s (%s) ends at %s", key.ID, key.Name, key.Expires.UTC().Format(time.RFC3339)), "bank key create makes another one, before that")
		}
	}
	v.Add("keys", watch.StateOK, fmt.Sprintf("%d API keys are valid", valid), "")
}
