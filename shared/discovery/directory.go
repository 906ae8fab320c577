package discovery

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"passbook/shared/backoff"
	"passbook/shared/control"
	"passbook/shared/table"
)

// readEvery is the time between two readings of the rows.
const readEvery = 2 * time.Second

// errUnread is why no process is known before the first reading.
var errUnread = errors.New("the rows of the processes were not read yet")

// Directory knows which processes run. It may be used concurrently.
type Directory struct {
	table table.Table
	keys  Keys
	watch control.Watch // of Run alone

	mu    sync.Mutex
	list  []Process
	err   error
	first chan struct{} // closed after the first reading
	once  sync.Once
}

// NewDirectory returns a directory that knows no process until Run has read the rows.
func NewDirectory(t table.Table, keys Keys) *Directory {
	return &Directory{table: t, keys: keys, err: errUnread, first: make(chan struct{})}
}

// Run reads the rows until ctx ends.
func (d *Directory) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		list, err := d.read(ctx)
		if ctx.Err() != nil {
			return nil
		}
		d.mu.Lock()
		if d.err = err; err == nil {
			d.list = list
		}
		d.mu.Unlock()
		d.once.Do(func() { close(d.first) })
		if backoff.Sleep(ctx, readEvery) != nil {
			return nil
		}
	}
	return nil
}

// read returns the processes that have a row.
func (d *Directory) read(ctx context.Context) ([]Process, error) {
	ctx, cancel := context.WithTimeout(ctx, callMost)
	defer cancel()
	now, epochs, found := time.Now(), map[string]int64{}, []Process{}
	for row, err := range rows(d.table).List(ctx) {
		if err != nil {
			return nil, err
		}
		if p, epoch, genuine := parse(row, d.keys); genuine {
			epochs[p.key()] = epoch
			found = append(found, p)
		}
		if len(found) == MaxProcesses {
			break
		}
	}
	d.watch.Observe(epochs, now)
	for i := range found {
		found[i].Silent = d.watch.Silent(found[i].key(), now) >= Silence || found[i].stale(now)
	}
	return found, nil
}

// All returns the processes that have a row, silent ones too, by service and instance, and why the
// last reading failed. Before the first reading it waits, until ctx ends.
func (d *Directory) All(ctx context.Context) ([]Process, error) {
	select {
	case <-d.first:
	case <-ctx.Done():
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.SortedFunc(slices.Values(d.list), func(a, b Process) int {
		return cmp.Or(cmp.Compare(a.Service, b.Service), cmp.Compare(a.Instance, b.Instance))
	}), d.err
}

// Of returns the processes of a service that run, and why the last reading failed.
func (d *Directory) Of(ctx context.Context, service string) ([]Process, error) {
	all, err := d.All(ctx)
	return slices.DeleteFunc(all, func(p Process) bool { return p.Silent || p.Service != service }), err
}
