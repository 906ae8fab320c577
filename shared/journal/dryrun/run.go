package dryrun

import (
	"errors"
	"fmt"
	"sync"

	"passbook/shared/event"
)

// MaxBytes bounds what a Run remembers. An ordinary command takes about 1 KB.
const MaxBytes = 16 << 20

// ErrFull: the commands of a dry run have more events than it can remember.
var ErrFull = errors.New("dryrun: too many commands")

// Run is one dry run. The zero Run has no commands; a nil one neither, and takes none. It is safe
// for concurrent use.
type Run struct {
	mu       sync.Mutex
	accounts map[event.Account]*history
	bytes    int
}

// history is what the commands of a Run would have made of one account.
type history struct {
	head     *event.Entry
	state    []byte // after head
	first    int64  // the version that events begin at
	events   []event.Event
	keys     map[string]*event.Entry
	reversed map[int64]bool // by the version of the original
	declines int
}

// Head returns the newest entry of an account, with the state after it; nil when there is none.
func (r *Run) Head(a event.Account) (head *event.Entry) {
	r.of(a, func(h *history) {
		newest := *h.head
		newest.State, head = h.state, &newest
	})
	return head
}

// Entry returns the entry of a key's command, nil when there is none.
func (r *Run) Entry(a event.Account, key string) (e *event.Entry) {
	r.of(a, func(h *history) { e = h.keys[key] })
	return e
}

// Event returns the account's event of a version, nil when there is none.
func (r *Run) Event(a event.Account, version int64) (ev *event.Event) {
	r.of(a, func(h *history) {
		if i := version - h.first; i >= 0 && i < int64(len(h.events)) {
			found := h.events[i]
			ev = &found
		}
	})
	return ev
}

// Reversed reports whether the transaction of a version would have been reversed.
func (r *Run) Reversed(a event.Account, version int64) (reversed bool) {
	r.of(a, func(h *history) { reversed = h.reversed[version] })
	return reversed
}

// Declines returns how many of the account's commands would have been declined.
func (r *Run) Declines(a event.Account) (n int) {
	r.of(a, func(h *history) { n = h.declines })
	return n
}

// of calls f with an account's history, if there is one.
func (r *Run) of(a event.Account, f func(*history)) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if h := r.accounts[a]; h != nil {
		f(h)
	}
}

// Add adds the entries of one command, which follow the newest ones of their accounts: all of them,
// or none with ErrFull. Each has one command, its events, and the state after them, which Add takes
// out of it, since only the newest one is needed.
func (r *Run) Add(entries ...*event.Entry) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range entries {
		r.bytes += size(e)
	}
	if r.bytes > MaxBytes {
		return fmt.Errorf("%w: they take more than %d bytes of memory", ErrFull, MaxBytes)
	}
	if r.accounts == nil {
		r.accounts = make(map[event.Account]*history)
	}
	for _, e := range entries {
		a := e.Account()
		h := r.accounts[a]
		if h == nil {
			h = &history{first: e.First, keys: make(map[string]*event.Entry), reversed: make(map[int64]bool)}
			r.accounts[a] = h
		}
		r.bytes -= len(h.state)
		h.add(e)
	}
	return nil
}

func (h *history) add(e *event.Entry) {
	h.head, h.state, e.State = e, e.State, nil
	h.events = append(h.events, e.Events...)
	if key := e.Commands[0].Key; key != "" {
		h.keys[key] = e
	}
	for i := range e.Events {
		switch body := e.Events[i].Body.(type) {
		case event.TransactionReversed:
			if original, ok := event.ParseID('t', body.OriginalTransactionID); ok {
				h.reversed[original] = true
			}
		case event.WithdrawalDeclined:
			h.declines++
		}
	}
}

// size returns about how many bytes an entry takes here: its events are held twice.
func size(e *event.Entry) int {
	const ofEntry, ofEvent = 512, 2 * 200
	n := ofEntry + len(e.State) + len(e.Commands[0].Key)
	for i := range e.Events {
		n += ofEvent + 2*len(e.Events[i].Data)
	}
	return n
}
