package sim

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/parquet-go/parquet-go"

	"passbook/shared/bucket"
	"passbook/shared/event"
	"passbook/shared/eventtable"
)

// snapshots is the events table: its files, and what the newest snapshot has. No power cut reaches
// it.
type snapshots struct {
	mu      sync.Mutex
	objects map[string][]byte
	version int
	files   []string
	summary map[string]string
	// rows are those of the newest snapshot, by version.
	rows map[event.Account]map[int64][]eventtable.Row
}

func newSnapshots() *snapshots {
	return &snapshots{objects: map[string][]byte{}, rows: map[event.Account]map[int64][]eventtable.Row{}}
}

// has reports whether the table has an entry.
func (s *snapshots) has(e *event.Entry) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for v := e.First; v <= e.Last; v++ {
		if !slices.ContainsFunc(s.rows[e.Account()][v], func(r eventtable.Row) bool { return event.Hash(r.EntryHash) == e.Hash }) {
			return false
		}
	}
	return true
}

// append commits a snapshot after that of a version.
func (s *snapshots) append(version int, files []eventtable.File, summary map[string]string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.version != version {
		return eventtable.ErrConflict
	}
	for _, f := range files {
		data, written := s.objects[f.Key]
		if !written {
			return fmt.Errorf("%s is not written", f.Key)
		}
		rows, err := parquet.Read[eventtable.Row](bytes.NewReader(data), int64(len(data)))
		if err != nil || int64(len(rows)) != f.Rows || int64(len(data)) != f.Bytes {
			return fmt.Errorf("%s has %d rows in %d bytes, %v, and the snapshot says %d in %d", f.Key, len(rows), len(data), err, f.Rows, f.Bytes)
		}
		for _, r := range rows {
			of := event.Account{Tenant: r.Tenant, ID: r.AccountID}
			if s.rows[of] == nil {
				s.rows[of] = map[int64][]eventtable.Row{}
			}
			s.rows[of][r.Version] = append(s.rows[of][r.Version], r)
		}
		s.files = append(s.files, f.Key)
	}
	s.version, s.summary = s.version+1, maps.Clone(summary)
	return nil
}

// forgetMarks loses the objects that no snapshot has as rows: they only save time.
func (s *snapshots) forgetMarks() {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.objects, func(key string, _ []byte) bool { return !slices.Contains(s.files, key) })
}

// eventsTable is the events table as a part of a process has opened it.
type eventsTable struct {
	part
	store   *snapshots
	draw    *rand.Rand
	version int
	files   []string
	summary map[string]string
	// left is before which of the next calls the run ends, as if its process did, or after it if
	// after; 0 for none.
	left  int
	after bool
}

// errEnded means that a run of the compactor has ended at a step.
var errEnded = errors.New("sim: the run has ended")

// step carries out a call that changes the table, unless the run ends before it.
func (t *eventsTable) step(ctx context.Context, what string, carryOut func() error) error {
	last := t.left == 1
	if t.left > 0 {
		t.left--
	}
	if last && !t.after {
		return errEnded
	}
	c, err := t.begin(ctx, what)
	if err == nil {
		err = c.write(ctx, errUnanswered, func(context.Context) error { return carryOut() })
	}
	if last {
		return errEnded
	}
	return err
}

var _ eventtable.Table = (*eventsTable)(nil)

// openTable opens the newest snapshot. Sometimes the marks are lost.
func (p part) openTable(ctx context.Context) (*eventsTable, error) {
	t := &eventsTable{part: p, store: p.run.tables, draw: p.run.dice.of(p.name + " run")}
	c, err := p.begin(ctx, "open the events table")
	if err != nil {
		return nil, err
	}
	err = c.do(ctx, errUnanswered, func(context.Context) (string, error) {
		if c.draw.IntN(8) == 0 {
			t.store.forgetMarks()
		}
		t.take()
		return fmt.Sprint(t.version), nil
	})
	return t, err
}

// take takes the newest snapshot.
func (t *eventsTable) take() {
	t.store.mu.Lock()
	defer t.store.mu.Unlock()
	t.version, t.files, t.summary = t.store.version, slices.Clone(t.store.files), maps.Clone(t.store.summary)
}

// Bucket implements eventtable.Table.
func (t *eventsTable) Bucket(account string) int32 { return int32(mix(0, account) % 2) }

// Summary implements eventtable.Table.
func (t *eventsTable) Summary() map[string]string { return t.summary }

// Files implements eventtable.Table.
func (t *eventsTable) Files(context.Context) ([]string, error) { return t.files, nil }

// Write implements eventtable.Table.
func (t *eventsTable) Write(ctx context.Context, key string, data []byte) error {
	data = bytes.Clone(data)
	return t.step(ctx, "write "+key, func() error {
		t.store.mu.Lock()
		defer t.store.mu.Unlock()
		if old, written := t.store.objects[key]; written && !bytes.Equal(old, data) {
			t.run.fail("%s is written twice, with other content", key)
		}
		t.store.objects[key] = data
		return nil
	})
}

// Open implements eventtable.Table.
func (t *eventsTable) Open(ctx context.Context, key string) (o bucket.Object, err error) {
	c, err := t.begin(ctx, "open "+key)
	if err != nil {
		return nil, err
	}
	err = c.do(ctx, errUnanswered, func(ctx context.Context) (string, error) {
		t.store.mu.Lock()
		defer t.store.mu.Unlock()
		data, written := t.store.objects[key]
		if !written {
			return "", fmt.Errorf("open %s: %w", key, bucket.ErrNotFound)
		}
		o = memoryObject{bytes.NewReader(data), ctx}
		return "", nil
	})
	return o, err
}

// Append implements eventtable.Table.
func (t *eventsTable) Append(ctx context.Context, files []eventtable.File, summary map[string]string) error {
	after := t.version
	err := t.step(ctx, fmt.Sprint("append ", len(files), " files to snapshot ", after), func() error {
		err := t.store.append(after, files, summary)
		if err != nil && !errors.Is(err, eventtable.ErrConflict) {
			t.run.fail("a snapshot of the events table: %v", err)
		}
		return err
	})
	if err == nil {
		t.version, t.files, t.summary = after+1, append(slices.Clone(t.files), keysOf(files)...), summary
	}
	return err
}

func keysOf(files []eventtable.File) (keys []string) {
	for _, f := range files {
		keys = append(keys, f.Key)
	}
	return keys
}
