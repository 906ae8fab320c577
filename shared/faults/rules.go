package faults

import (
	"sync/atomic"

	"passbook/shared/table"
)

// Rule is what happens to the writes of a Table that it matches.
type Rule struct {
	// Match reports whether a write is meant; nil means every one. A transaction matches when one
	// of its puts does.
	Match func(table.Put) bool
	// Before fails a write without making it; After makes it and fails it then.
	Before, After error
	// Hook, if set, runs before a matching write is made, for tests that let something else happen
	// first.
	Hook func()

	left  atomic.Int64
	fired atomic.Int64
}

// On returns a match of the writes to one table.
func On(name string) func(table.Put) bool {
	return func(p table.Put) bool { return p.Table == name }
}

// Fired returns how many writes the rule has failed or hooked.
func (r *Rule) Fired() int { return int(r.fired.Load()) }

// apply makes a write by call as the rule has it.
func (r *Rule) apply(puts []table.Put, call func() error) error {
	if !r.matches(puts) || r.left.Add(-1) < 0 {
		return call()
	}
	r.fired.Add(1)
	if r.Hook != nil {
		r.Hook()
	}
	if r.Before != nil {
		return r.Before
	}
	if err := call(); err != nil {
		return err
	}
	return r.After
}

// applyEach makes puts by call, those that match as the rule has it.
func (r *Rule) applyEach(puts []table.Put, call func([]table.Put) []error) []error {
	outcomes := make([]error, len(puts))
	lost := make([]bool, len(puts))
	var sent []table.Put
	var places []int
	for i := range puts {
		if r.matches(puts[i:i+1]) && r.left.Add(-1) >= 0 {
			r.fired.Add(1)
			if r.Hook != nil {
				r.Hook()
			}
			if outcomes[i] = r.Before; r.Before != nil {
				continue
			}
			lost[i] = true
		}
		sent, places = append(sent, puts[i]), append(places, i)
	}
	for n, err := range call(sent) {
		i := places[n]
		if outcomes[i] = err; err == nil && lost[i] {
			outcomes[i] = r.After
		}
	}
	return outcomes
}

func (r *Rule) matches(puts []table.Put) bool {
	for _, p := range puts {
		if r.Match == nil || r.Match(p) {
			return true
		}
	}
	return false
}
