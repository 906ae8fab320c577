package compact

import (
	"context"
	"fmt"
	"io"

	"passbook/cmd/internal/cli"
	"passbook/cmd/internal/deployment"
	"passbook/shared/eventtable"
	"passbook/shared/eventtable/iceberg"
	"passbook/shared/origin"
	"passbook/shared/platform"
	"passbook/shared/progress"
	"passbook/shared/stores"
)

// Main runs the program. It does not return.
func Main(version string) {
	cli.Main(version, nil, func(ctx context.Context, args []string, t *cli.Terminal) int {
		return cli.Run(ctx, "compact", "Add the archive's events to a table of Apache Iceberg.", &Command{}, args, t)
	})
}

const (
	// eventBytes is about what an event takes between reading it and the file that has it.
	eventBytes = 4 << 10
	// minMemory is the least memory for events: with less, the files are too small.
	minMemory platform.Bytes = 16 << 20
	// maxBuckets bounds the files that a run writes for each day.
	maxBuckets = 1024
)

// Command is the command line.
type Command struct {
	cli.StoreFlags
	To      string         `name:"to" placeholder:"PLACE" help:"Directory of the table, or with --store aws its bucket [DATA/tables]."`
	Memory  platform.Bytes `name:"memory" default:"512MiB" placeholder:"SIZE" help:"About how much memory the events take that are added at once, beside 200 bytes an account [512MiB]."`
	Buckets int            `name:"buckets" default:"4" placeholder:"N" help:"Into how many parts a new table divides the accounts of a day [4]."`
	cli.Output
}

// Help returns the example.
func (Command) Help() string {
	return "Reads the segments that no run before has read, and ends. Each event is in the table once. An entry that does not follow " +
		"the account's last one waits, is named, and is added by a later run; then the exit code is 3.\n\nExample:\n\n  compact --data ./data"
}

// Run adds what is new.
func (c *Command) Run(ctx context.Context, t *cli.Terminal) error {
	config, err := t.Config(&c.StoreFlags)
	switch {
	case err != nil:
		return err
	case c.Memory < minMemory:
		return cli.Usage("--memory %v must be %v or more", c.Memory, minMemory)
	case c.Buckets < 1 || c.Buckets > maxBuckets:
		return cli.Usage("--buckets %d must be 1 to %d", c.Buckets, maxBuckets)
	}
	err = platform.Present(config)
	if err != nil {
		return err
	}
	from, keys, err := platform.OpenArchive(ctx, config)
	if err != nil {
		return err
	}
	err = (stores.Set{Bucket: from, Stream: config.Stream(deployment.EventStream)}).CheckStream(ctx)
	if err != nil {
		return err
	}
	proof, err := origin.LoadProof(ctx, nil, from, keys)
	if err != nil {
		return platform.ExplainKey(config, err)
	}
	to, root, err := platform.OpenTables(ctx, config, c.To)
	if err != nil {
		return err
	}
	table, err := iceberg.Open(ctx, to, root, c.Buckets)
	if err != nil {
		return err
	}
	bar, far := cli.NewProgress(t.Err, "compact"), progress.New()
	defer bar.Finish()
	defer bar.Follow(far.Snapshot)()
	added, err := eventtable.Run(ctx, eventtable.Config{
		Archive: from, Table: table, Origin: proof, Events: int64(c.Memory / eventBytes), Progress: far,
	})
	if err == nil && !added.OK() {
		err = cli.Fail(cli.ExitDifference, eventtable.ErrIncomplete, "bank archive and audit show what is missing; audit --repair brings it back, and the next run adds it")
	}
	return cli.Show(t, c.Output, result{added, table.Location()}, err, func(w io.Writer) { show(w, added, table.Location()) })
}

// result is what the program prints as JSON.
type result struct {
	eventtable.Result
	// Table is the newest version of the table's metadata, which engines open.
	Table string `json:"table"`
}

// show prints what was done.
func show(w io.Writer, r eventtable.Result, location string) {
	for _, gap := range r.Gaps {
		fmt.Fprintf(w, "not in the archive: %s\n", gap)
	}
	for _, list := range [][]eventtable.Fault{r.Waiting, r.Forks, r.Foreign} {
		for _, fault := range list {
			fmt.Fprintln(w, fault)
		}
	}
	fmt.Fprintf(w, "%d events of %d segments added, in %d files and %d snapshots\n%s\n", r.Events, r.Segments, r.Files, r.Snapshots, location)
}
