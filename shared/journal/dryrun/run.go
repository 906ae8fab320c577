package dryrun

import (
	"errors"
	"fmt"
	"sync"

	"passbook/shared/event"
)

// MaxBytes bounds what a Run remembers, MaxOfHolder what those of one holder do, and MaxTogether
// those of one Memory. An ordinary command takes about 1 KB.
const (
	MaxBytes    = 16 << 20
	MaxOfHolder = MaxTogether / 2
	MaxTogether = 4 * MaxBytes
)

// ErrFull: the commands of a dry run have more events than it can remember.
var ErrFull = errors.New("dryrun: too many commands")

// Memory is what the Runs of a process share. The zero Memory is empty. It is safe for concurrent
// use.
type Memory struct {
	mu   sync.Mutex
	used map[string]int // by holder
	all  int
}

// New returns a Run that takes of the memory until it is closed. The holder is who asks for it: the
// Runs of one never take more than MaxOfHolder together.
func (m *Memory) New(holder string) *Run { return &Run{memory: m, holder: holder} }

// take takes memory for a holder, or gives it back, and reports whether there is enough.
func (m *Memory) take(holder string, n int) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.used == nil {
		m.used = make(map[string]int)
	}
	m.all += n
	m.used[holder] += n
	enough := m.used[holder] <= MaxOfHolder && m.all <= MaxTogether
	if m.used[holder] == 0 {
		delete(m.used, holder)
	}
	return enough
}

// Run is one dry run. The zero Run has no commands and a memory to itself; a nil one has no
// commands and takes none. It is safe for concurrent use.
type Run struct {
	memory   *Memory
	holder   string
	mu       sync.Mutex
	accounts map[event.Account]*history
	bytes    int
	full     bool
}

// Close gives back the memory of a Run that is no longer used.
func (r *Run) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.take(-r.bytes)
	r.accounts, r.full = nil, true
}

// take takes memory, or gives it back, and reports whether there is enough.
func (r *Run) take(n int) bool {
	r.bytes += n
	enough := r.bytes <= MaxBytes
	if r.memory != nil {
		enough = r.memory.take(r.holder, n) && enough
	}
	return enough
}

// Err returns ErrFull once a command was not added, and nil before.
func (r *Run) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.full {
		return fmt.Errorf("%w: they take more than %d bytes of memory, or with others more than %d", ErrFull, MaxBytes, MaxOfHolder)
	}
	return nil
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
// or none with ErrFull, and then never any again. Each has one command, its events, and the state
// after them, which Add takes out of it, since only the newest one is needed.
func (r *Run) Add(entries ...*event.Entry) error {
	if err := r.Err(); err != nil {
		return err
	}
	if !r.add(entries) {
		return r.Err()
	}
	return nil
}

// add does what Add does, and reports whether there was memory for the entries.
func (r *Run) add(entries []*event.Entry) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, e := range entries {
		n += size(e)
	}
	if !r.take(n) {
		r.take(-n)
		r.full = true
		return false
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
		r.take(-len(h.state))
		h.add(e)
	}
	return true
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
