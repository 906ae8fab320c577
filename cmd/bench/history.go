package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"passbook/credit"
	"passbook/shared/account"
	"passbook/shared/event"
	"passbook/withdraw"
)

// The history that is measured in process: single-command entries, as a bank at ease commits them.
const (
	historyAccounts = 10_000
	historyEvents   = 1_000_000
)

// historyKeys sign the history. What is archived of it is signed again for the bank whose archive
// it is.
func historyKeys() (*event.Keyring, error) {
	return event.NewKeyring("bench", map[int][]byte{1: make([]byte, event.KeyBytes)})
}

// history makes commands on accounts in turn, the same ones every time.
type history struct {
	keys   *event.Keyring
	rng    *rand.Rand
	now    time.Time
	n      int // commands so far
	states []account.State
	heads  []event.Hash
}

func newHistory(accounts int) (*history, error) {
	keys, err := historyKeys()
	if err != nil {
		return nil, err
	}
	return &history{
		keys: keys, rng: rand.New(rand.NewPCG(1, 2)), now: time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC),
		states: make([]account.State, accounts), heads: make([]event.Hash, accounts),
	}, nil
}

// next decides so many commands more and seals the entries, as the journal would.
func (h *history) next(commands int) ([][]byte, error) {
	records := make([][]byte, 0, commands)
	for range commands {
		i := h.n % len(h.states)
		h.now = h.now.Add(time.Duration(1+h.rng.IntN(1000)) * time.Microsecond)
		record, err := h.commit(i, decide(h.states[i], h.rng, h.now))
		if err != nil {
			return nil, fmt.Errorf("command %d: %w", h.n, err)
		}
		records = append(records, record)
		h.n++
	}
	return records, nil
}

// decide opens an account that is new, and else moves money.
func decide(s account.State, rng *rand.Rand, now time.Time) account.Decision {
	cents := 1 + rng.Int64N(10_000)
	reference := event.Text{Plain: "card 4711 shop " + strconv.Itoa(rng.IntN(1000))}
	switch {
	case s.Version == 0:
		return credit.Open{Currency: "EUR", HolderRef: "holder-" + strconv.Itoa(rng.IntN(1_000_000)), CreditLimit: 1_000_00}.Decide(s, now)
	case rng.IntN(2) == 0 || s.Available() < cents:
		return credit.Credit{Amount: cents, Currency: "EUR", Reference: reference}.Decide(s, now)
	}
	return withdraw.Withdraw{Amount: cents, Currency: "EUR", Reference: reference}.Decide(s, now)
}

// commit seals the decision of the next command as an entry of an account.
func (h *history) commit(i int, d account.Decision) (record []byte, err error) {
	if d.Rejection != nil || len(d.Events) == 0 {
		return nil, errors.New("it was refused")
	}
	s, last := h.states[i], d.Events[len(d.Events)-1].Version
	e := &event.Entry{
		Format: event.Format, Tenant: "main", AccountID: "B-" + strconv.Itoa(i), First: s.Version + 1, Last: last,
		Currency: "EUR", RecordedAt: h.now, Prev: h.heads[i], Events: d.Events,
		Commands: []event.Command{{
			Key: "bench-" + strconv.Itoa(h.n), Request: "AAAAAAAAAAAAAAAAAAAAAA", CorrelationID: fmt.Sprintf("%032d", h.n),
			Actor: event.Text{Plain: "withdraw"}, First: s.Version + 1, Last: last, Status: 201,
		}},
	}
	sealed, err := event.Seal(e, h.keys)
	if err != nil {
		return nil, err
	}
	h.states[i], err = fold(s, d.Events)
	h.heads[i] = e.Hash
	return sealed.Record, err
}

func fold(s account.State, events []event.Event) (account.State, error) {
	var err error
	for _, ev := range events {
		if s, err = account.Fold(s, ev); err != nil {
			return s, err
		}
	}
	return s, nil
}
