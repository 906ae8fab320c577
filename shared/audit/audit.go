package audit

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"passbook/shared/archive"
	"passbook/shared/bucket"
	"passbook/shared/event"
	"passbook/shared/progress"
	"passbook/shared/readmodel"
	"passbook/shared/stream"
	"passbook/shared/table"
)

// ErrDifference says that something was found; the report names it. Programs exit with 3.
var ErrDifference = errors.New("audit: differences found")

const (
	// DefaultPartEvents bounds what is held of the archive at once, at some 200 bytes an event.
	DefaultPartEvents = 1_000_000
	// accountsAtOnce is how many accounts are audited at the same time.
	accountsAtOnce = 32
)

// The names of the sources that are not read models.
const (
	inJournal = "journal"
	inArchive = "archive"
)

// Config configures Run. Table, Accounts and Bucket are required.
type Config struct {
	Table table.Table
	// Accounts lists the journal's accounts; *journal.Reader does.
	Accounts readmodel.Directory
	// Bucket holds the archive.
	Bucket bucket.Bucket
	// Models are the read models by name, which is their table's.
	Models []string
	// Grace is how long an entry may be on its way to the archive and the read models.
	Grace time.Duration
	// Repair mends what can be mended; nil only looks.
	Repair *Repair
	// Progress counts the archive's events that were compared; nil is told nothing.
	Progress *progress.Tracker
	// PartEvents bounds the events in memory; 0 is DefaultPartEvents.
	PartEvents int64
}

// Repair says how to mend. A zero field mends nothing of its kind.
type Repair struct {
	// Streams and Stream take the entries that the archive lacks.
	Streams stream.Stream
	Stream  string
	// CatchUp folds an account's row of a model up to the journal's head; readmodel.ErrQuarantined
	// when the row cannot go on, which is a finding.
	CatchUp func(ctx context.Context, model string, a event.Account) error
	// Refold folds an account's row of a model from the journal's first entry, as CatchUp
	// otherwise.
	Refold func(ctx context.Context, model string, a event.Account) error
}

// auditor is an audit at work.
type auditor struct {
	config  Config
	report  *Report
	live    map[string]int64 // the live generation of each model
	settled time.Time        // what was recorded later may be on its way

	mu     sync.Mutex
	damage map[string]bool // named already
}

// Run audits everything. It ends with ErrDifference when something was found, and the report is
// whole then too.
func Run(ctx context.Context, c Config) (*Report, error) {
	if c.PartEvents == 0 {
		c.PartEvents = DefaultPartEvents
	}
	repairs := c.Repair != nil
	if !repairs {
		c.Repair = &Repair{}
	}
	began := time.Now()
	a := &auditor{
		config: c, report: &Report{Began: began.UTC(), Repair: repairs, Totals: map[string]Total{}},
		live: map[string]int64{}, damage: map[string]bool{}, settled: began.Add(-c.Grace),
	}
	err := a.run(ctx)
	a.report.finish(time.Since(began))
	if err != nil {
		return a.report, fmt.Errorf("audit: %w", err)
	}
	if !a.report.Clean() {
		return a.report, ErrDifference
	}
	return a.report, nil
}

func (a *auditor) run(ctx context.Context) error {
	for _, model := range a.config.Models {
		live, _, err := readmodel.Generations(ctx, a.config.Table, model)
		if err != nil {
			return err
		}
		a.live[model] = live
	}
	plan, err := archive.LoadPlan(ctx, a.config.Bucket)
	if err != nil {
		return err
	}
	a.report.Archive, a.report.Retired = plan.Extent(), plan.Retired
	for _, gap := range plan.Gaps {
		a.report.find(archiveDamaged, inArchive, "", 0, "%s", gap)
	}
	err = a.strays(ctx, plan.Strays)
	if err != nil {
		return err
	}
	parts := plan.Parts(a.config.PartEvents)
	a.config.Progress.Begin("audit", "events", plan.Events*int64(parts))
	for part := range parts {
		err = a.part(ctx, plan, part, parts)
		if err != nil {
			return err
		}
	}
	return a.checkOrphanRows(ctx)
}

// strays tells of what lies in the bucket and is no part of the archive. It is no difference.
func (a *auditor) strays(ctx context.Context, among archive.Strays) error {
	outside, err := archive.StraysOutside(ctx, a.config.Bucket)
	if err != nil {
		return err
	}
	a.report.Strays = archive.Strays{Count: among.Count + outside.Count, List: append(among.List, outside.List...)}
	return nil
}

// part audits one part of the accounts: first what the archive has of them, then each against the
// journal and the read models.
func (a *auditor) part(ctx context.Context, plan archive.Plan, part, parts int) error {
	archived, err := a.readArchive(ctx, plan, part, parts)
	if err != nil {
		return err
	}
	group, within := errgroup.WithContext(ctx)
	group.SetLimit(accountsAtOnce)
	audit := func(of event.Account, has *archivedAccount) {
		group.Go(func() error { return a.account(within, of, has) })
	}
	for of, failed := range readmodel.AllAccounts(within, a.config.Accounts) {
		if failed != nil {
			err = failed
			break
		}
		if archive.Part(of.Tenant, of.ID, parts) != part {
			continue
		}
		has := archived[of]
		delete(archived, of)
		audit(of, has)
	}
	if err == nil {
		// accounts that the index does not list: it may lag, or the journal lacks them
		for of, has := range archived {
			audit(of, has)
		}
	}
	return errors.Join(group.Wait(), err)
}

func (a *auditor) onTheWay(e *event.Entry) bool { return e.RecordedAt.After(a.settled) }
