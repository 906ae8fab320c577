package main

import (
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

// makeHistory decides commands on accounts and seals the entries, as the journal would.
func makeHistory() ([][]byte, error) {
	keys, err := historyKeys()
	if err != nil {
		return nil, err
	}
	rng := rand.New(rand.NewPCG(1, 2))
	now := time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)
	states, heads := make([]account.State, historyAccounts), make([]event.Hash, historyAccounts)
	records := make([][]byte, 0, historyEvents)
	for n := range historyEvents {
		i := n % historyAccounts
		now = now.Add(time.Duration(1+rng.IntN(1000)) * time.Microsecond)
		record, hash, next, err := commit(states[i], heads[i], n, decide(states[i], rng, now), now, keys)
		if err != nil {
			return nil, err
		}
		states[i], heads[i] = next, hash
		records = append(records, record)
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

// commit seals the decision on command n as an entry of its account.
func commit(s account.State, prev event.Hash, n int, d account.Decision, now time.Time, keys *event.Keyring) (record []byte, hash event.Hash, next account.State, err error) {
	if d.Rejection != nil || len(d.Events) == 0 {
		return nil, hash, s, fmt.Errorf("command %d was refused", n)
	}
	last := d.Events[len(d.Events)-1].Version
	e := &event.Entry{
		Format: event.Format, Tenant: "main", AccountID: "B-" + strconv.Itoa(n%historyAccounts), First: s.Version + 1, Last: last,
		Currency: "EUR", RecordedAt: now, Prev: prev, Events: d.Events,
		Commands: []event.Command{{
			Key: "bench-" + strconv.Itoa(n), Request: "AAAAAAAAAAAAAAAAAAAAAA", CorrelationID: fmt.Sprintf("%032d", n),
			Actor: event.Text{Plain: "withdraw"}, First: s.Version + 1, Last: last, Status: 201,
		}},
	}
	sealed, err := event.Seal(e, keys)
	if err != nil {
		return nil, hash, s, fmt.Errorf("command %d: %w", n, err)
	}
	for _, ev := range d.Events {
		if s, err = account.Fold(s, ev); err != nil {
			return nil, hash, s, fmt.Errorf("command %d: %w", n, err)
		}
	}
	return sealed.Record, e.Hash, s, nil
}
