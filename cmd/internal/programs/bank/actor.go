package bank

import (
	"context"
	"fmt"
	"io"

	"passbook/cmd/internal/cli"
	"passbook/cmd/internal/jobs"
)

// actorCommand groups the commands on actors.
type actorCommand struct {
	Erase actorEraseCommand `cmd:"" help:"Erase the name behind an actor, for good."`
}

// Help returns the example.
func (actorCommand) Help() string {
	return "Events have the actor of a person, which says nothing about who that is; the name is kept apart.\n\n" +
		"Example:\n\n  bank actor erase oidc:xqx4hxw7qoemzbrbcyxtpm7nzh"
}

// actorEraseCommand erases a name.
type actorEraseCommand struct {
	cli.StoreFlags
	cli.ReasonFlag
	Actor  string `arg:"" help:"The actor, as the events have it."`
	Tenant string `name:"tenant" placeholder:"NAME" help:"Whose actor it is [main]."`
	cli.Output
}

// Help returns what it does, and the example.
func (actorEraseCommand) Help() string {
	return "The name is in the control table alone; entries, archive and log have the actor. It is not kept again when its person comes back.\n\n" +
		"Example:\n\n  bank actor erase oidc:xqx4hxw7qoemzbrbcyxtpm7nzh --reason request-2027-014"
}

// Run erases it.
func (c *actorEraseCommand) Run(ctx context.Context, t *cli.Terminal) error {
	erase := jobs.Command[jobs.ErasedActor]{
		Name: "actor-erase", Output: c.Output, Reason: c.Reason, Params: jobs.ActorEraseParams{Actor: c.Actor, OfTenant: jobs.OfTenant{Tenant: c.Tenant}},
	}
	return erase.Run(ctx, t, &c.StoreFlags, func(w io.Writer, done jobs.ErasedActor) {
		if !done.Had {
			fmt.Fprintf(w, "there was no name behind %s of tenant %s; none will be kept\n", done.Actor, done.Tenant)
			return
		}
		fmt.Fprintf(w, "the name behind %s of tenant %s is erased, and will not be kept again\n", done.Actor, done.Tenant)
	})
}
