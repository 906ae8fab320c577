package journal

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"

	"passbook/shared/control"
	"passbook/shared/table"
)

// WriterKind is the control table's partition of writers. A row's sort key is the writer's id; its
// attributes: epoch N rises with every heartbeat, state S is live or draining, published N is the
// largest n up to which every entry of the writer is on the stream or was never committed, which
// the others go by. A writer that takes commands from others has address S and secret S too.
const WriterKind = "writer"

// The states of a writer's row. A writer whose tail is published for good has no row.
const (
	WriterLive     = "live"
	WriterDraining = "draining"
)

// heartbeatEvery is how often a writer saves how far it is published.
const heartbeatEvery = time.Second

// retakeAfter is how long a failed attempt at a new id is the answer for all who need one.
const retakeAfter = time.Second

// writer is this process as a writer: an id for each tenure, a counter on each entry, and how far
// the stream has them.
type writer struct {
	rows  control.Rows
	lease time.Duration

	// holds a token while a new tenure is taken, one at a time; it guards the two below
	taking  chan struct{}
	coming  *tenure   // one whose registration was not answered yet
	refused time.Time // when the last registration failed

	mu      sync.Mutex
	current *tenure
	former  map[string]*tenure // lost ones; others publish their tails
	// address and secret are told to the other writers; an empty address is not.
	address, secret string
}

// tenure is the time under one id. published is the largest n such that every counter up to it is
// settled; settled holds those above it.
type tenure struct {
	id        string
	epoch     int64
	assigned  int64
	published int64
	settled   map[int64]struct{}
	renewed   time.Time // monotonic
}

func newWriter(t table.Table, lease time.Duration) *writer {
	return &writer{rows: control.Writers(t), lease: lease, taking: make(chan struct{}, 1), former: make(map[string]*tenure)}
}

// start begins a tenure under a new id. An unanswered registration is repeated with the same id, so
// that none is left behind.
func (w *writer) start(ctx context.Context) error {
	t := w.coming
	if t == nil {
		id := uuid.Must(uuid.NewV7())
		t = &tenure{id: base64.RawURLEncoding.EncodeToString(id[:]), settled: make(map[int64]struct{})}
	}
	t.renewed = time.Now()
	err := w.rows.Put(ctx, t.id, w.attrs(0, 0), nil)
	if w.coming != nil && errors.Is(err, table.ErrConditionFailed) {
		err = w.reclaim(ctx, t)
	}
	if err != nil {
		if w.coming = t; errors.Is(err, errLeaseLost) {
			w.coming = nil
		}
		return fmt.Errorf("register writer: %w", err)
	}
	w.coming = nil
	w.mu.Lock()
	defer w.mu.Unlock()
	if last := w.current; last != nil && last.published < last.assigned {
		w.former[last.id] = last
	}
	w.current = t
	return nil
}

// reclaim takes over a row that an unanswered registration had written, unless somebody drains it
// by now.
func (w *writer) reclaim(ctx context.Context, t *tenure) error {
	epoch, err := w.inspect(ctx, t)
	t.epoch = epoch
	return err
}

// attrs returns the attributes of the row of a live writer.
func (w *writer) attrs(epoch, published int64) table.Map {
	attrs := table.Map{"epoch": table.N(epoch), "state": table.S(WriterLive), "published": table.N(published)}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.address != "" {
		attrs["address"], attrs["secret"] = table.S(w.address), table.S(w.secret)
	}
	return attrs
}

// place is the writer's id, and the address that it tells the others.
func (w *writer) place() (id, address string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.current.id, w.address
}

// leave tells the others no address from the next heartbeat on.
func (w *writer) leave() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.address = ""
}

// next assigns the counter of an entry that is about to be put. A writer that was paused past its
// lease, or lost it, first takes a new id: its tail may be draining already.
func (w *writer) next(ctx context.Context) (id string, n int64, err error) {
	if id, n, ok := w.assign(); ok {
		return id, n, nil
	}
	if err := w.retake(ctx); err != nil {
		return "", 0, err
	}
	id, n, ok := w.assign()
	if !ok {
		return "", 0, errLeaseLost
	}
	return id, n, nil
}

// retake begins a new tenure where the current one does not surely outlast a put.
func (w *writer) retake(ctx context.Context) error {
	select {
	case w.taking <- struct{}{}:
		defer func() { <-w.taking }()
	case <-ctx.Done():
		return ctx.Err()
	}
	w.mu.Lock()
	lasts := w.current.lasts(w.lease)
	w.mu.Unlock()
	if lasts {
		return nil
	}
	if time.Since(w.refused) < retakeAfter { // many lanes wait here: they share one failure
		return errLeaseLost
	}
	ctx, cancel := context.WithTimeout(ctx, putDeadline)
	defer cancel()
	if err := w.start(ctx); err != nil {
		w.refused = time.Now()
		return err
	}
	return nil
}

// lasts says that the lease surely outlasts a put.
func (t *tenure) lasts(lease time.Duration) bool { return time.Since(t.renewed) <= lease-putDeadline }

// assign takes the next counter, as long as the lease surely outlasts a put.
func (w *writer) assign() (id string, n int64, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	t := w.current
	if !t.lasts(w.lease) {
		return "", 0, false
	}
	t.assigned++
	return t.id, t.assigned, true
}

// done settles a counter: the stream has the entry, or it was never committed.
func (w *writer) done(id string, n int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	t := w.current
	if t.id != id {
		if t = w.former[id]; t == nil {
			return
		}
	}
	t.settled[n] = struct{}{}
	for {
		if _, ok := t.settled[t.published+1]; !ok {
			break
		}
		t.published++
		delete(t.settled, t.published)
	}
	if t.published == t.assigned {
		delete(w.former, id)
	}
}

// owns says that this process wrote under the id.
func (w *writer) owns(id string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return id == w.current.id || w.former[id] != nil
}

func (w *writer) id() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.current.id
}

// renew is a heartbeat: progress and lease in one conditional write. A row that is no longer live,
// or gone, means that the lease was lost.
func (w *writer) renew(ctx context.Context) error {
	w.mu.Lock()
	t := w.current
	epoch, published := t.epoch, t.published
	w.mu.Unlock()
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, putDeadline)
	defer cancel()
	err := w.rows.Put(ctx, t.id, w.attrs(epoch+1, published), table.N(epoch))
	if err == nil {
		epoch++
	} else if errors.Is(err, table.ErrConditionFailed) {
		epoch, err = w.inspect(ctx, t)
		began = t.renewed // the row moved at some time since: only the next heartbeat proves when
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		if errors.Is(err, errLeaseLost) {
			t.renewed = time.Time{}
		}
		return fmt.Errorf("renew writer: %w", err)
	}
	t.epoch, t.renewed = epoch, began
	return nil
}

var errLeaseLost = errors.New("journal: writer's lease lost")

// inspect tells an earlier, unanswered heartbeat of ours from a lost lease.
func (w *writer) inspect(ctx context.Context, t *tenure) (epoch int64, err error) {
	row, err := w.rows.Get(ctx, t.id)
	if errors.Is(err, table.ErrNotFound) {
		return 0, errLeaseLost
	}
	if err != nil {
		return 0, err
	}
	n, ok := row.Attrs["epoch"].(table.N)
	if !ok || row.Attrs["state"] != table.S(WriterLive) {
		return 0, errLeaseLost
	}
	return int64(n), nil
}

// retire ends the tenure: with everything published the row goes, else the last progress is saved
// and others publish the tail.
func (w *writer) retire(ctx context.Context) error {
	w.mu.Lock()
	t := w.current
	complete, epoch := t.published == t.assigned, t.epoch
	w.mu.Unlock()
	// The caller's patience may be over: this last write saves others work.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), putDeadline)
	defer cancel()
	if !complete {
		return w.renew(ctx)
	}
	err := w.rows.Delete(ctx, t.id, table.N(epoch))
	if err != nil && !errors.Is(err, table.ErrConditionFailed) {
		return fmt.Errorf("retire writer: %w", err)
	}
	return nil
}
