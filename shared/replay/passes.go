package replay

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"

	"passbook/shared/control"
	"passbook/shared/table"
)

// passes record in the control table how many passes of a job over a plan are done. With another
// plan or other params the job begins again. The zero passes counts and records nothing.
type passes struct {
	rows control.Rows
	kept bool
	job  string
	plan string
	next int
	rev  int64
}

func loadPasses(ctx context.Context, t table.Table, job string, w *accountReader, params ...any) (*passes, error) {
	h := sha256.New()
	for _, s := range w.plan.Segments {
		fmt.Fprintln(h, s.Key)
	}
	fmt.Fprintln(h, w.passes())
	fmt.Fprintln(h, params...)
	at := &passes{rows: control.Progress(t, job), kept: true, job: job, plan: base64.RawURLEncoding.EncodeToString(h.Sum(nil))}
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

// done records that one more pass is done.
func (p *passes) done(ctx context.Context) error { return p.save(ctx, p.next+1) }

// finish forgets the passes: the next run reads everything again.
func (p *passes) finish(ctx context.Context) error { return p.save(ctx, 0) }

func (p *passes) save(ctx context.Context, next int) error {
	if !p.kept {
		p.next = next
		return nil
	}
	attrs := table.Map{"plan": table.S(p.plan), "passes": table.N(next), "rev": table.N(p.rev + 1)}
	err := p.rows.Put(ctx, control.PassesKey, attrs, control.Revision(p.rev))
	if err != nil {
		return fmt.Errorf("save progress of %s: %w", p.job, err)
	}
	p.next, p.rev = next, p.rev+1
	return nil
}
