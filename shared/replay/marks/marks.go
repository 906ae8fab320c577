package marks

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"passbook/shared/archive"
	"passbook/shared/control"
	"passbook/shared/stream"
	"passbook/shared/table"
)

// Marks say how far a job came in each source.
type Marks struct {
	kept control.Rows
	job  string

	mu   sync.Mutex
	rows map[string]mark
}

// mark is the last segment of a source that is done, by its first sequence number.
type mark struct {
	first string
	rev   int64
}

// Load returns the marks of a job.
func Load(ctx context.Context, t table.Table, job string) (*Marks, error) {
	m := &Marks{kept: control.Progress(t, job), job: job, rows: make(map[string]mark)}
	for row, err := range m.kept.List(ctx) {
		if err != nil {
			return nil, fmt.Errorf("read progress of %s: %w", job, err)
		}
		m.rows[row.SK] = mark{first: row.Attrs.Text("first"), rev: row.Attrs.Number("rev")}
	}
	return m, nil
}

// Done reports whether a segment was finished before.
func (m *Marks) Done(s archive.Planned) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return stream.CompareSequence(s.Name.First, m.rows[s.Name.Source.String()].first) <= 0
}

// Mark records that a segment, and all before it in its source, is done.
func (m *Marks) Mark(ctx context.Context, s archive.Planned) error {
	key := s.Name.Source.String()
	m.mu.Lock()
	was := m.rows[key]
	m.mu.Unlock()
	next := mark{first: s.Name.First, rev: was.rev + 1}
	attrs := table.Map{"first": table.S(next.first), "rev": table.N(next.rev)}
	err := m.kept.Put(ctx, key, attrs, control.Revision(was.rev))
	if errors.Is(err, table.ErrConditionFailed) {
		return fmt.Errorf("save progress of %s: another run of this job is active: %w", m.job, err)
	}
	if err != nil {
		return fmt.Errorf("save progress of %s: %w", m.job, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rows[key] = next
	return nil
}
