package parts

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"

	"passbook/shared/archive"
	"passbook/shared/control"
	"passbook/shared/table"
)

// Parts are how many parts of a job over a plan are done. The zero Parts count and record nothing.
type Parts struct {
	rows control.Rows
	kept bool
	job  string
	plan string
	next int
	rev  int64
}

// Load returns how far a job came that does the accounts of a plan in so many parts. With another
// plan, another number or other params than the recorded ones the job begins again.
func Load(ctx context.Context, t table.Table, job string, plan archive.Plan, parts int, params ...any) (*Parts, error) {
	h := sha256.New()
	for _, s := range plan.Segments {
		fmt.Fprintln(h, s.Key)
	}
	fmt.Fprintln(h, parts)
	fmt.Fprintln(h, params...)
	at := &Parts{rows: control.Progress(t, job), kept: true, job: job, plan: base64.RawURLEncoding.EncodeToString(h.Sum(nil))}
	row, err := at.rows.Get(ctx, control.PassesKey)
	if errors.Is(err, table.ErrNotFound) {
		return at, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read progress of %s: %w", job, err)
	}
	a := row.Attrs
	at.rev = a.Number("rev")
	if a.Text("plan") == at.plan {
		at.next = int(a.Number("passes"))
	}
	return at, nil
}

// Next returns the number of the next part, from 0.
func (p *Parts) Next() int { return p.next }

// Skip leaves a part that is to be done again by the next run: it counts, and is not recorded.
func (p *Parts) Skip() { p.next++ }

// Done records that one more part is done.
func (p *Parts) Done(ctx context.Context) error { return p.save(ctx, p.next+1) }

// Finish forgets the parts: the next run does all of them again.
func (p *Parts) Finish(ctx context.Context) error { return p.save(ctx, 0) }

func (p *Parts) save(ctx context.Context, next int) error {
	if !p.kept {
		p.next = next
		return nil
	}
	attrs := table.Map{"plan": table.S(p.plan), "passes": table.N(next), "rev": table.N(p.rev + 1)}
	err := p.rows.Put(ctx, control.PassesKey, attrs, control.Revision(p.rev))
	if errors.Is(err, table.ErrConditionFailed) {
		return fmt.Errorf("save progress of %s: another run of this job is active: %w", p.job, err)
	}
	if err != nil {
		return fmt.Errorf("save progress of %s: %w", p.job, err)
	}
	p.next, p.rev = next, p.rev+1
	return nil
}
