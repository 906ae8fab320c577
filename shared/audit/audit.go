package audit

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"passbook/shared/archive"
	"passbook/shared/bucket"
	"passbook/shared/event"
	"passbook/shared/origin"
	"passbook/shared/progress"
	"passbook/shared/readmodel"
	"passbook/shared/replay/spill"
	"passbook/shared/stream"
	"passbook/shared/table"
	"passbook/shared/webhook/verify"
)

// ErrDifference means that the audit has findings; the report lists them. Programs exit with 3.
var ErrDifference = errors.New("audit: differences found")

// accountsAtOnce is how many accounts are audited concurrently.
const accountsAtOnce = 32

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
	// Bucket has the archive.
	Bucket bucket.Bucket
	// Origin shows which entries are the bank's; nil accepts all of them.
	Origin *origin.Proof
	// Models are the read models by name, which is also their table's.
	Models []string
	// Tenant, if not empty, is the only one whose accounts are audited. Damage of the
	// archive that is no account's is reported nevertheless.
	Tenant string
	// Grace is how long an entry may take to reach the archive and the read models.
	Grace time.Duration
	// Repair repairs what can be repaired; nil only reports.
	Repair *Repair
	// Progress counts the archive's events that were compared; nil is told nothing.
	Progress *progress.Tracker
	// Derived are the further rows of a read model; nil has none compared.
	Derived *Derived
	// Deliveries are the rows of what is sent to webhooks; nil has none compared.
	Deliveries *Deliveries
	// Limits are where the archive's entries are sorted by account, and with how much memory.
	Limits spill.Limits
}

// Repair configures repairs. A zero field repairs nothing of its kind.
type Repair struct {
	// Streams and Stream take the entries that the archive lacks.
	Streams stream.Stream
	Stream  string
	// Compress has records over 4 KB compressed.
	Compress bool
	// CatchUp folds an account's row of a model up to the journal's head. It returns
	// readmodel.ErrQuarantined if the row cannot be folded, which is a finding.
	CatchUp func(ctx context.Context, model string, a event.Account) error
	// Refold folds an account's row of a model from the journal's first entry, otherwise as
	// CatchUp.
	Refold func(ctx context.Context, model string, a event.Account) error
	// Delivery repairs a row of what is sent to webhooks.
	Delivery func(ctx context.Context, d verify.Difference) error
}

// auditor is the state of an audit.
type auditor struct {
	config  Config
	report  *Report
	live    map[string]int64 // the live generation of each model
	settled time.Time        // entries recorded later may be on their way

	// headed are the audited accounts that had a head when the bank was switched to macs, about 100
	// bytes each, and heads their number.
	headed sync.Map
	heads  atomic.Int64
}

// Run audits everything. It ends with ErrDifference if it has findings; the report is complete then
// too.
func Run(ctx context.Context, c Config) (*Report, error) {
	repairs := c.Repair != nil
	if !repairs {
		c.Repair = &Repair{}
	}
	began := time.Now()
	a := &auditor{
		config: c, report: &Report{Began: began.UTC(), Tenant: c.Tenant, Repair: repairs, Totals: map[string]Total{}},
		live: map[string]int64{}, settled: began.Add(-c.Grace),
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
	if a.config.Origin != nil {
		plan = plan.OfBank(a.config.Origin.Bank)
	}
	a.report.Archive, a.report.Retired = plan.Extent(), plan.Retired
	for _, gap := range plan.Gaps {
		a.report.find(archiveDamaged, inArchive, "", 0, "%s", gap)
	}
	err = a.strays(ctx, plan.Strays)
	if err != nil {
		return err
	}
	err = a.accounts(ctx, plan)
	if err != nil {
		return err
	}
	err = a.checkHeads(ctx)
	if err != nil {
		return err
	}
	err = a.checkOrphanRows(ctx)
	if err != nil {
		return err
	}
	err = a.checkDerived(ctx)
	if err != nil {
		return err
	}
	return a.checkDeliveries(ctx)
}

// strays reports objects in the bucket that are not part of the archive. They are not a difference.
func (a *auditor) strays(ctx context.Context, among archive.Strays) error {
	outside, err := archive.StraysOutside(ctx, a.config.Bucket)
	if err != nil {
		return err
	}
	a.report.Strays = archive.Strays{Count: among.Count + outside.Count, List: append(among.List, outside.List...)}
	return nil
}

// accounts compares what the archive has of each account with the journal and the read models. The
// journal's list of accounts may lag, and the archive may have accounts that the journal lacks.
func (a *auditor) accounts(ctx context.Context, plan archive.Plan) (err error) {
	archived, err := a.readArchive(ctx, plan)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, archived.Close()) }()
	a.config.Progress.Begin("audit", "events", archived.events.Load())
	for part := range archived.Parts() {
		err = archived.Visit(ctx, part, accountsAtOnce, func(ctx context.Context, of event.Account, records [][]byte) error {
			has, err := archived.account(records)
			if err != nil {
				return err
			}
			err = a.account(ctx, of, has)
			a.config.Progress.Add(has.events)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// audits reports whether the accounts of a tenant are audited.
func (a *auditor) audits(tenant string) bool {
	return a.config.Tenant == "" || a.config.Tenant == tenant
}

func (a *auditor) onTheWay(e *event.Entry) bool { return e.RecordedAt.After(a.settled) }
