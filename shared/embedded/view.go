package embedded

import (
	"bytes"
	"errors"
	"io"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
)

// View is the database as of the last finished commit. All of it is durable, and it does not
// change. It MUST be released.
type View struct {
	snap *pebble.Snapshot
	refs atomic.Int64
}

// views has the newest view, and one reference to it.
type views struct {
	mu     sync.RWMutex
	latest *View
	live   sync.WaitGroup
}

func (v *views) init(engine *pebble.DB) { v.advance(engine) }

// advance takes a new view. Only the committer calls it, between a finished batch and the next one.
func (v *views) advance(engine *pebble.DB) {
	next := &View{snap: engine.NewSnapshot()}
	next.refs.Store(1)
	v.live.Add(1)
	v.mu.Lock()
	last := v.latest
	v.latest = next
	v.mu.Unlock()
	if last != nil {
		v.release(last)
	}
}

func (v *views) release(w *View) {
	if w.refs.Add(-1) > 0 {
		return
	}
	// Closing a snapshot fails only on a closed database, and Close waits for all views.
	_ = w.snap.Close()
	v.live.Done()
}

// stop refuses new views and waits for those in use.
func (v *views) stop() {
	v.mu.Lock()
	last := v.latest
	v.latest = nil
	v.mu.Unlock()
	v.release(last)
	v.live.Wait()
}

// View returns the newest view, with every write that was answered before the call. Its only error
// is ErrClosed.
func (db *DB) View() (*View, error) {
	db.views.mu.RLock()
	defer db.views.mu.RUnlock()
	v := db.views.latest
	if v == nil {
		return nil, ErrClosed
	}
	v.refs.Add(1)
	return v, nil
}

// Release releases a view. The view MUST NOT be used after it.
func (db *DB) Release(v *View) { db.views.release(v) }

// Get calls read with the value of key, which is valid only within the call, and reports whether
// the key exists.
func (v *View) Get(key []byte, read func(value []byte) error) (found bool, err error) {
	value, closer, err := v.snap.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, errors.Join(read(value), closer.Close())
}

// Value returns the value of key, nil if there is none, and what the caller closes after its use,
// if it is not nil.
func (v *View) Value(key []byte) (value []byte, use io.Closer, err error) {
	value, use, err = v.snap.Get(key)
	switch {
	case errors.Is(err, pebble.ErrNotFound):
		return nil, nil, nil
	case err != nil:
		return nil, nil, err
	case value == nil: // an empty value is one
		value = []byte{}
	}
	return value, use, nil
}

// Last returns the greatest key with lower <= key < upper, nil if there is none.
func (v *View) Last(lower, upper []byte) (key []byte, err error) {
	iter, err := v.Iter(lower, upper)
	if err != nil {
		return nil, err
	}
	if iter.Last() {
		key = bytes.Clone(iter.Key())
	}
	return key, errors.Join(iter.Error(), iter.Close())
}

// Iter returns an iterator over lower <= key < upper. The caller closes it before it releases the
// view.
func (v *View) Iter(lower, upper []byte) (*pebble.Iterator, error) {
	return v.snap.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
}
