package embedded

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// maxGroupBytes bounds a group. Callers that find it full wait for the next group, so memory stays
// bounded while a disk stalls.
const maxGroupBytes = 16 << 20

// Write is one atomic change.
type Write struct {
	// Stage adds the change to a batch. Stages run one at a time, in the order in which their
	// changes become visible, so a value that must follow that order, such as a sequence number, is
	// chosen in them. They MUST be short, MUST NOT call the DB, and MUST fail, if at all, before
	// they touch the batch.
	Stage func(*pebble.Batch) error
	// Done, if set, is called once, with nil when the change is durable and in every new view,
	// whether or not the caller of Commit still waits. It MUST be short and MUST NOT call the DB.
	Done func(error)
}

func (w Write) finish(err error) {
	if w.Done != nil {
		w.Done(err)
	}
}

// group is the writes that one batch commits.
type group struct {
	batch     *pebble.Batch
	callbacks []func(error)
	done      chan struct{}
	// err is set before done is closed.
	err error
}

// commits is the queue between the callers and the committer: one open group.
type commits struct {
	mu   sync.Mutex
	open *group
	// refuse, once set, is the answer to every Commit: ErrClosed, or the error of a failed commit.
	// After a failure the staged and the stored state may differ, so no later write may build on
	// either.
	refuse error
	wake   chan struct{}
	ended  chan struct{}
}

func (db *DB) newGroup() *group {
	return &group{batch: db.engine.NewBatch(), done: make(chan struct{})}
}

func (db *DB) startCommits() {
	db.commits.open = db.newGroup()
	db.commits.wake = make(chan struct{}, 1)
	db.commits.ended = make(chan struct{})
	go db.commitLoop()
}

// Commit makes a write durable. After an error of its Stage, or ErrClosed, nothing was written.
// When ctx ends first, the outcome is unknown to the caller, and Done gets it later.
func (db *DB) Commit(ctx context.Context, w Write) error {
	g, err := db.join(ctx, w)
	if err != nil {
		w.finish(err)
		return err
	}
	select {
	case <-g.done:
		return g.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// join stages the write in the open group, once there is room in it.
func (db *DB) join(ctx context.Context, w Write) (*group, error) {
	c := &db.commits
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		c.mu.Lock()
		if c.refuse != nil {
			c.mu.Unlock()
			return nil, c.refuse
		}
		g := c.open
		if g.batch.Len() < maxGroupBytes {
			err := w.Stage(g.batch)
			if err == nil && w.Done != nil {
				g.callbacks = append(g.callbacks, w.Done)
			}
			c.mu.Unlock()
			if err != nil {
				return nil, err
			}
			c.signal()
			return g, nil
		}
		c.mu.Unlock()
		select {
		case <-g.done:
		case <-ctx.Done():
		}
	}
}

func (c *commits) signal() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// commitLoop writes the groups, one after the other, and nothing else writes the database. It takes
// a view before it begins the next batch, so a view never shows a change that is not durable.
func (db *DB) commitLoop() {
	c := &db.commits
	defer close(c.ended)
	for range c.wake {
		c.mu.Lock()
		g := c.open
		c.open = db.newGroup()
		refuse := c.refuse
		c.mu.Unlock()
		db.commitGroup(g)
		if refuse == ErrClosed {
			return
		}
	}
}

func (db *DB) commitGroup(g *group) {
	if !g.batch.Empty() {
		begun := time.Now()
		g.err = db.engine.Apply(g.batch, db.write)
		db.metrics.sync.Observe(time.Since(begun).Seconds())
		if g.err == nil {
			db.views.advance(db.engine)
		} else {
			db.commits.fail(g.err)
		}
	}
	for _, settle := range g.callbacks {
		settle(g.err)
	}
	close(g.done)
	// Closing a batch only frees its memory.
	_ = g.batch.Close()
}

func (c *commits) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refuse == nil {
		c.refuse = fmt.Errorf("embedded: an earlier commit failed: %w", err)
	}
}

// stopCommits refuses further commits and finishes those that were staged. It returns false if it
// was called before.
func (db *DB) stopCommits() bool {
	c := &db.commits
	c.mu.Lock()
	before := c.refuse
	c.refuse = ErrClosed
	c.mu.Unlock()
	if before == ErrClosed {
		return false
	}
	c.signal()
	<-c.ended
	// A caller may still wait for room in the last open group, which is empty.
	close(c.open.done)
	return errors.Join(c.open.batch.Close()) == nil
}

// NewBatch returns a batch in which a caller prepares a change before its Stage applies it to the
// batch of the group. The caller closes it.
func (db *DB) NewBatch() *pebble.Batch { return db.engine.NewBatch() }
