package bank

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"passbook/cmd/internal/cli"
	"passbook/cmd/internal/jobs"
	"passbook/shared/api"
)

// logCommand prints the operators' log.
type logCommand struct {
	cli.StoreFlags
	Tenant string `name:"tenant" placeholder:"NAME" help:"Only what was done about this tenant."`
	Limit  int    `name:"limit" default:"20" help:"How many actions, at most 10000."`
	cli.Output
}

// Help returns what is in the log, and the example.
func (logCommand) Help() string {
	return "Every job that changes something is in the log for 400 days: who had it done (os:UID on one machine, aws:ROLE on AWS), why (--reason), " +
		"with which parameters, and how it ended. A job that is begun still runs, or its process died.\n\nExample:\n\n  bank log --limit 5"
}

// Run prints it.
func (c *logCommand) Run(ctx context.Context, t *cli.Terminal) error {
	list := jobs.Command[[]api.OpsAction]{Name: "log", Params: jobs.LogParams{OfTenant: jobs.OfTenant{Tenant: c.Tenant}, Limit: c.Limit}, Output: c.Output}
	return list.Run(ctx, t, c, func(w io.Writer, actions []api.OpsAction) {
		if len(actions) == 0 {
			fmt.Fprintln(w, "the log is empty")
			return
		}
		table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "at\tactor\tjob\tparameters\toutcome\treason")
		for _, a := range actions {
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", a.At.Format(time.RFC3339), a.Actor, a.Job, a.Parameters, outcome(a), a.Reason)
		}
		_ = table.Flush() // w reports its own errors
	})
}

// outcome returns how an action ended, in a few words.
func outcome(a api.OpsAction) string {
	switch {
	case a.ExitCode == nil || a.Error == "":
		return a.State
	default:
		return fmt.Sprintf("%s (%d): %s", a.State, *a.ExitCode, strings.ReplaceAll(a.Error, "\n", " "))
	}
}
