package compact

import (
	"context"
	"fmt"
	"io"
	"time"

	"passbook/cmd/internal/cli"
	"passbook/cmd/internal/deployment"
	"passbook/shared/bucket"
	"passbook/shared/eventtable"
	"passbook/shared/eventtable/glue"
	"passbook/shared/eventtable/iceberg"
	"passbook/shared/keywrap"
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
	// mergeCopies is how many times files that are merged are in memory, in one form or another.
	mergeCopies = 3
	// maxBuckets bounds the files that a run writes for each day.
	maxBuckets = 1024
	// minEvery is the least time between two runs, as each makes files.
	minEvery = 10 * time.Second
	// minKeep is the least time for which an older snapshot is kept.
	minKeep = 10 * time.Minute
)

// Command is the command line.
type Command struct {
	cli.StoreFlags
	To            string         `name:"to" placeholder:"PLACE" help:"Directory of the table, or with --store aws its bucket [DATA/tables]."`
	Every         time.Duration  `name:"every" placeholder:"TIME" help:"Stay, and add what is new this often; without it, once."`
	Keep          time.Duration  `name:"keep" default:"24h" placeholder:"TIME" help:"Keep older snapshots of the table for this long [24h]."`
	Glue          string         `name:"glue" placeholder:"DATABASE.TABLE" help:"With --store aws, a table of Glue that is pointed to the newest version."`
	MetricsListen *string        `name:"metrics-listen" placeholder:"HOST:PORT" help:"With --every, for metrics and /readyz, or off [127.0.0.1:0]."`
	Check         bool           `name:"check" help:"Compare the table with the archive instead, and change nothing."`
	Memory        platform.Bytes `name:"memory" default:"512MiB" placeholder:"SIZE" help:"About how much memory the events take that are added at once, beside 200 bytes an account [512MiB]."`
	Buckets       int            `name:"buckets" default:"4" placeholder:"N" help:"Into how many parts a new table divides the accounts of a day [4]."`
	cli.Output
}

// Help returns the example.
func (Command) Help() string {
	return "Reads the segments that no run before has read, and ends; with --every it does so again and again until it is told to end. Each " +
		"event is in the table once. An entry that does not follow the account's last one waits, is named, and is added by a later run; " +
		"then the exit code is 3. With --check it names by account and version what the table has otherwise than the archive.\n\nExample:\n\n  compact --data ./data\n  compact --data ./data --every 5m"
}

// Run adds what is new, once or until ctx ends.
func (c *Command) Run(ctx context.Context, t *cli.Terminal) error {
	config, err := t.Config(&struct {
		*cli.StoreFlags
		MetricsListen *string `name:"metrics-listen"`
	}{&c.StoreFlags, c.MetricsListen})
	switch {
	case err != nil:
		return err
	case c.Memory < minMemory:
		return cli.Usage("--memory %v must be %v or more", c.Memory, minMemory)
	case c.Buckets < 1 || c.Buckets > maxBuckets:
		return cli.Usage("--buckets %d must be 1 to %d", c.Buckets, maxBuckets)
	case c.Keep < minKeep:
		return cli.Usage("--keep %v must be %v or more: queries need the files of the snapshot that they began with", c.Keep, minKeep)
	case c.Check && c.Every != 0:
		return cli.Usage("--check and --every exclude each other")
	case c.Glue != "" && config.Store != platform.AWS:
		return cli.Usage("--glue needs --store aws: Glue knows no files of this machine")
	case c.Every != 0 && c.Every < minEvery:
		return cli.Usage("--every %v must be %v or more", c.Every, minEvery)
	}
	w, err := c.open(ctx, config)
	if err != nil {
		return err
	}
	if c.Check {
		return c.check(ctx, w, t)
	}
	if c.Every != 0 {
		return w.stay(ctx, c.Every, config, t)
	}
	return c.once(ctx, w, t)
}

// work is the archive, and the table that is made of it.
type work struct {
	from    bucket.Bucket
	proof   *origin.Proof
	to      bucket.Removable
	root    string
	glue    *glue.Catalog // nil for none
	keep    time.Duration
	events  int64
	buckets int
}

// open opens the archive, and the place of the table.
func (c *Command) open(ctx context.Context, config platform.Config) (w work, err error) {
	w.keep, w.events, w.buckets = c.Keep, int64(c.Memory/eventBytes), c.Buckets
	if err = platform.Present(config); err != nil {
		return w, err
	}
	var keys keywrap.Wrapper
	if w.from, keys, err = platform.OpenArchive(ctx, config); err != nil {
		return w, err
	}
	err = (stores.Set{Bucket: w.from, Stream: config.Stream(deployment.EventStream)}).CheckStream(ctx)
	if err != nil {
		return w, err
	}
	if w.proof, err = origin.LoadProof(ctx, nil, w.from, keys); err != nil {
		return w, platform.ExplainKey(config, err)
	}
	if c.Glue != "" {
		if w.glue, err = glue.Open(ctx, c.Glue); err != nil {
			return w, cli.Usage("--glue: %w", err)
		}
	}
	w.to, w.root, err = platform.OpenTables(ctx, config, c.To)
	return w, err
}

// point points the table of Glue to the newest version.
func (w work) point(ctx context.Context, to *iceberg.Table) error {
	if w.glue == nil {
		return nil
	}
	return w.glue.Point(ctx, to.Version())
}

// table opens the newest version of the table, or creates one.
func (w work) table(ctx context.Context) (*iceberg.Table, error) {
	return iceberg.Open(ctx, w.to, w.root, w.buckets)
}

// did is what a run did.
type did struct {
	eventtable.Result
	eventtable.Merged
	// Removed is how many objects were removed that only old snapshots had.
	Removed int `json:"removed_objects"`
}

// add adds to the table what is new, merges files that are small, and expires old snapshots.
func (w work) add(ctx context.Context, to *iceberg.Table, far *progress.Tracker, ending <-chan struct{}) (d did, err error) {
	d.Result, err = eventtable.Run(ctx, eventtable.Config{Archive: w.from, Table: to, Origin: w.proof, Events: w.events, Progress: far, Ending: ending})
	if err == nil {
		d.Merged, err = eventtable.Merge(ctx, eventtable.MergeConfig{Table: to, Now: time.Now(), Bytes: w.events * eventBytes / mergeCopies, Ending: ending})
	}
	if err == nil { // an older version that Glue may name is removed after that
		err = w.point(ctx, to)
	}
	if err == nil {
		d.Removed, err = to.Expire(ctx, w.to, w.keep)
	}
	if err == nil {
		err = w.point(ctx, to)
	}
	return d, err
}

// once adds what is new, and prints what it did.
func (c *Command) once(ctx context.Context, w work, t *cli.Terminal) error {
	table, err := w.table(ctx)
	if err != nil {
		return err
	}
	bar, far := cli.NewProgress(t.Err, "compact"), progress.New()
	defer bar.Finish()
	defer bar.Follow(far.Snapshot)()
	added, err := w.add(ctx, table, far, nil)
	if err == nil && !added.OK() {
		err = cli.Fail(cli.ExitDifference, eventtable.ErrIncomplete, "bank archive and audit show what is missing; audit --repair brings it back, and the next run adds it")
	}
	return cli.Show(t, c.Output, result{added, table.Location()}, err, func(w io.Writer) { show(w, added, table.Location()) })
}

// result is what the program prints as JSON.
type result struct {
	did
	// Table is the newest version of the table's metadata, which engines open.
	Table string `json:"table"`
}

// show prints what was done.
func show(w io.Writer, r did, location string) {
	for _, gap := range r.Gaps {
		fmt.Fprintf(w, "not in the archive: %s\n", gap)
	}
	for _, list := range [][]eventtable.Fault{r.Waiting, r.Forks, r.Foreign} {
		for _, fault := range list {
			fmt.Fprintln(w, fault)
		}
	}
	fmt.Fprintf(w, "%d events of %d segments added, in %d files and %d snapshots\n", r.Events, r.Segments, r.Result.Files, r.Snapshots)
	if r.Merged.Files > 0 {
		fmt.Fprintf(w, "%d files merged into %d\n", r.Merged.Files, r.Into)
	}
	if r.Removed > 0 {
		fmt.Fprintf(w, "%d objects of old snapshots removed\n", r.Removed)
	}
	fmt.Fprintln(w, location)
}
