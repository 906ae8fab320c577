package check

import (
	"context"
	"errors"
	"fmt"

	"passbook/shared/archive"
	"passbook/shared/bucket"
	"passbook/shared/eventtable"
	"passbook/shared/origin"
	"passbook/shared/progress"
)

// ErrDifference means that the table is not what the archive has; the report lists where. Programs
// exit with 3.
var ErrDifference = errors.New("the events table is not what the archive has")

// Table is the events table, with what its newest snapshot says of its files.
type Table interface {
	eventtable.Table
	// Describe returns the files of the newest snapshot.
	Describe(ctx context.Context) ([]eventtable.Described, error)
}

// Config configures Run. All but Progress are required.
type Config struct {
	Archive bucket.Bucket
	Table   Table
	// Origin shows which entries of the archive are the bank's.
	Origin *origin.Proof
	// Events is about how many events are in memory at once, with 100 bytes each.
	Events   int64
	Progress *progress.Tracker
}

// checker is one check.
type checker struct {
	Config
	plan    archive.Plan
	files   []eventtable.Described
	summary map[string]string
	report  *Report
}

// Run checks the table. With findings it returns the report and ErrDifference.
func Run(ctx context.Context, c Config) (*Report, error) {
	k := &checker{Config: c, summary: c.Table.Summary(), report: &Report{Findings: []Finding{}, Behind: []Finding{}}}
	var err error
	k.files, err = c.Table.Describe(ctx)
	if err == nil {
		k.plan, err = archive.LoadPlan(ctx, c.Archive)
	}
	if err != nil {
		return nil, fmt.Errorf("check the events table: %w", err)
	}
	for _, g := range k.plan.Gaps {
		k.report.Gaps = append(k.report.Gaps, g.String())
	}
	parts := k.parts()
	k.Progress.Begin("check", "events", k.plan.Events*int64(parts))
	for n := range parts {
		err = k.check(ctx, n, parts)
		if err != nil {
			return nil, fmt.Errorf("check the events table: %w", err)
		}
	}
	k.report.Files = len(k.files)
	if k.report.Count > 0 {
		return k.report, fmt.Errorf("%w: %d findings", ErrDifference, k.report.Count)
	}
	return k.report, nil
}

// parts returns into how many parts the accounts are divided.
func (k *checker) parts() int {
	var rows int64
	for _, f := range k.files {
		rows += f.Rows
	}
	return int(max(1, (max(rows, k.plan.Events)+k.Events-1)/k.Events))
}

// check checks a part of the accounts.
func (k *checker) check(ctx context.Context, n, of int) error {
	p := &part{checker: k, first: n == 0, keep: func(tenant, account string) bool { return archive.Part(tenant, account, of) == n }}
	p.begin()
	err := p.readTable(ctx)
	if err == nil {
		err = p.readArchive(ctx)
	}
	if err == nil {
		err = p.compare(ctx)
	}
	if err == nil {
		err = p.explain(ctx)
	}
	return err
}
