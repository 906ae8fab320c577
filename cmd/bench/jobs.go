package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"passbook/cmd/bench/driver"
	"passbook/cmd/internal/cli"
)

// smaller is how much smaller the archive is that shows whether the time of a job is linear.
const smaller = 10

// jobsCommand runs every job on a large archive, and DuckDB on the same files.
type jobsCommand struct {
	Dir      string `required:"" placeholder:"DIR" help:"Where the two archives are made; a new directory."`
	Programs string `default:"./bin" placeholder:"DIR" help:"Where replay and audit are."`
	Python   string `placeholder:"FILE" help:"A Python that has DuckDB; without one, no job is compared with it."`
	Events   int    `default:"10000000" help:"Events of the larger archive; the other has a tenth."`
	Accounts int    `default:"100000" help:"Accounts of the larger archive; the other has a tenth."`
}

// Help returns what is done, what it takes, and the example.
func (jobsCommand) Help() string {
	return "Every job runs as a person would run it, one after the other, and DuckDB before each: with 10 million events " +
		"they need about 12 GB of disk and half an hour. The targets are those of 10 million events.\n\nExample:\n\n  bench jobs --dir big --python ~/duckdb/bin/python"
}

// Run makes the archives, runs the jobs and reports. It fails with ExitDifference when a target is
// missed.
func (c *jobsCommand) Run(ctx context.Context, t *cli.Terminal) error {
	if c.Accounts < smaller || c.Accounts > maxAccounts || c.Events < smaller*c.Accounts || c.Events > maxArchived {
		return cli.Usage("--accounts is from %d to %d, --events from %d times as many to %d", smaller, maxAccounts, smaller, maxArchived)
	}
	if err := os.Mkdir(c.Dir, 0o700); err != nil {
		return cli.Usage("--dir is a new directory: %v", err)
	}
	small, err := c.runAll(ctx, t, c.Events/smaller, c.Accounts/smaller)
	if err != nil {
		return err
	}
	large, err := c.runAll(ctx, t, c.Events, c.Accounts)
	if err != nil {
		return err
	}
	if err := printCosts(t.Out, small, large); err != nil {
		return err
	}
	r := jobTargets(small, large)
	if err := r.print(t.Out); err != nil {
		return err
	}
	if n := r.missed(); n > 0 {
		return cli.Fail(cli.ExitDifference, fmt.Errorf("%d targets missed", n), "")
	}
	return nil
}

// allJobs returns the command lines of the jobs, in an order in which each finds what it needs.
func allJobs() []string {
	return []string{
		"audit coverage",
		"replay at --time 2100-01-01T00:00:00Z --output csv",
		"replay journal --yes",
		"replay rebuild --model balance --yes",
		"replay rebuild --model creditlimit --yes",
		"replay promote --model balance --yes",
		"replay promote --model creditlimit --yes",
		"audit stores",
	}
}

// outcome is what the jobs on one archive took.
type outcome struct {
	made made
	// jobs are by command line.
	jobs map[string]cost
}

// runAll makes an archive and runs all jobs on it.
func (c *jobsCommand) runAll(ctx context.Context, t *cli.Terminal, events, accounts int) (o outcome, err error) {
	data := filepath.Join(c.Dir, strconv.Itoa(events))
	fmt.Fprintf(t.Err, "bench: an archive of %d events\n", events)
	o.made, err = c.make(ctx, data, events, accounts)
	if err != nil {
		return o, err
	}
	o.jobs = map[string]cost{}
	for _, job := range allJobs() {
		fmt.Fprintf(t.Err, "bench: %s\n", job)
		beside, err := c.duckDB(ctx, data)
		if err != nil {
			return o, err
		}
		of, err := c.run(ctx, job, data)
		if err != nil {
			return o, err
		}
		of.beside = beside
		o.jobs[job] = of
	}
	return o, nil
}

// printCosts prints what every job took on both archives.
func printCosts(out io.Writer, small, large outcome) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "job\tevents\tseconds\tCPU seconds\tmost MiB\tDuckDB: last balance, seconds\twhole state\t")
	for _, job := range allJobs() {
		for _, o := range []outcome{small, large} {
			of := o.jobs[job]
			fmt.Fprintf(w, "%s\t%s\t%.2f\t%.2f\t%d\t%.3f\t%.3f\t\n", job, figure(float64(o.made.Events), ""),
				of.wall.Seconds(), of.cpu.Seconds(), of.peak>>20, of.beside.balance.Seconds(), of.beside.state.Seconds())
		}
	}
	return w.Flush()
}

// jobTargets compares the outcomes with the targets. Those with DuckDB are left out where it did
// not run.
func jobTargets(small, large outcome) *report {
	r := newReport()
	r.add(measure{what: "archived, events/s", target: 500_000}, large.made.perSecond())
	atMost := func(what, unit string, target, value float64) {
		r.add(measure{what: what, unit: unit, target: target, atMost: true}, value)
	}
	for _, job := range allJobs() {
		of, tenth := large.jobs[job], small.jobs[job]
		compared := of.beside.balance > 0
		switch words := strings.Fields(job); {
		case words[1] == "coverage":
			atMost(job, " s", 60, of.wall.Seconds())
		case words[1] == "at" && compared:
			atMost("replay at : DuckDB's whole state", "", 4, of.wall.Seconds()/of.beside.state.Seconds())
		case words[1] == "rebuild":
			atMost(job+", memory", " MB", 512, float64(of.peak)/1e6)
			if compared {
				atMost(job+" : DuckDB's last balance", "", 8, of.wall.Seconds()/of.beside.balance.Seconds())
			}
		case words[1] == "journal", words[1] == "stores":
			atMost(job+" : a tenth of the events", "", 11, of.wall.Seconds()/tenth.wall.Seconds())
		}
	}
	return r
}

// make makes an archive. A separate process does it, since Linux counts the memory of one that
// starts another as the other's.
func (c *jobsCommand) make(ctx context.Context, data string, events, accounts int) (m made, err error) {
	bench, err := os.Executable()
	if err != nil {
		return m, err
	}
	cmd := exec.CommandContext(ctx, bench, "archive", "--json", "--data", data, "--events", strconv.Itoa(events), "--accounts", strconv.Itoa(accounts))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(out, &m)
	}
	if err != nil {
		return m, fmt.Errorf("bench archive: %w", err)
	}
	return m, nil
}

// cost is what a process took.
type cost struct {
	wall, cpu time.Duration
	// peak is the most memory that it had, in bytes.
	peak int64
	// beside is what DuckDB took for its queries just before.
	beside duckDB
}

// duckDB is how long DuckDB took for the last balance of every account, and for the whole state.
type duckDB struct{ balance, state time.Duration }

// run runs a command on a bank to its end.
func (c *jobsCommand) run(ctx context.Context, command, data string) (cost, error) {
	args := append(strings.Fields(command), "--data", data)
	cmd := exec.CommandContext(ctx, filepath.Join(c.Programs, args[0]), args[1:]...)
	var said strings.Builder
	cmd.Stderr = &said
	began := time.Now()
	err := cmd.Run()
	if err != nil {
		return cost{}, fmt.Errorf("%s: %w: %s", command, err, said.String())
	}
	ended := cmd.ProcessState
	return cost{wall: time.Since(began), cpu: ended.UserTime() + ended.SystemTime(), peak: driver.PeakOf(ended)}, nil
}

// duckQueries prints the best of three of each query, in seconds. DuckDB has two threads, as many
// as the machine of the targets has cores.
const duckQueries = `
import duckdb, sys, time
db = duckdb.connect(config={"threads": 2})
db.execute("create view r as select * from read_parquet('" + sys.argv[1] + "/archive/events/v2/*/*/*/*.parquet', hive_partitioning = true)")
def best(query):
    times = []
    for _ in range(3):
        began = time.perf_counter()
        db.execute(query).fetchall()
        times.append(time.perf_counter() - began)
    return min(times)
print(best("select count(*), sum(p) from (select arg_max(posted, version) p from r group by tenant, account_id)"))
print(best("select count(*), sum(p + h + l) from (select arg_max(posted, version) p, arg_max(held, version) h, arg_max(limit_amount, version) l, max(version) from r where recorded_at < '2100-01-01' group by tenant, account_id)"))
`

// duckDB returns how long DuckDB takes for its queries on an archive, nothing without a Python.
func (c *jobsCommand) duckDB(ctx context.Context, data string) (d duckDB, err error) {
	if c.Python == "" {
		return d, nil
	}
	cmd := exec.CommandContext(ctx, c.Python, "-c", duckQueries, data)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return d, fmt.Errorf("DuckDB: %w", err)
	}
	answer := strings.Fields(string(out))
	if len(answer) != 2 {
		return d, fmt.Errorf("DuckDB answered %q", out)
	}
	d.balance, err = time.ParseDuration(answer[0] + "s")
	if err == nil {
		d.state, err = time.ParseDuration(answer[1] + "s")
	}
	if err != nil {
		return d, fmt.Errorf("DuckDB answered %q: %w", out, err)
	}
	return d, nil
}
