package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"passbook/shared/access"
	"passbook/shared/event"
	"passbook/shared/journal"
)

// funds is what each account begins with, enough for every withdrawal.
const funds = 1_000_000

// commandLimit is how long a command may be repeated.
const commandLimit = 90 * time.Second

// promise is a command that was answered with 2xx.
type promise struct {
	account, key string
	// amount is what it added to the account.
	amount  int64
	version int64
}

// ledger is what the clients were promised.
type ledger struct {
	balancer *balancer
	accounts []string

	mu       sync.Mutex
	promises []promise
	repeated int // commands that needed more than one try
	slowest  time.Duration
	failures []error
}

func accountID(i int) string { return fmt.Sprintf("A-%03d", i) }

// openAccounts opens and funds the accounts.
func openAccounts(t *testing.T, b *balancer, n int) *ledger {
	t.Helper()
	l := &ledger{balancer: b}
	var opening sync.WaitGroup
	slots := make(chan struct{}, 8)
	for i := range n {
		l.accounts = append(l.accounts, accountID(i))
		opening.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			l.send(t.Context(), "credit", "/v1/accounts", "open-"+accountID(i), fmt.Sprintf(`{"account_id":%q,"currency":"EUR"}`, accountID(i)), accountID(i), 0)
			l.move(t.Context(), accountID(i), "fund-"+accountID(i), funds)
		})
	}
	opening.Wait()
	return l
}

// move brings money in, or takes it out where the amount is negative.
func (l *ledger) move(ctx context.Context, account, key string, amount int64) {
	service, path := "credit", "/v1/accounts/"+account+"/credits"
	if amount < 0 {
		service, path = "withdraw", "/v1/accounts/"+account+"/withdrawals"
	}
	l.send(ctx, service, path, key, fmt.Sprintf(`{"amount":%d,"currency":"EUR"}`, max(amount, -amount)), account, amount)
}

// send sends a command and notes what it was promised.
func (l *ledger) send(ctx context.Context, service, path, key, payload, account string, amount int64) {
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, commandLimit)
	defer cancel()
	r, tries, err := l.balancer.command(ctx, service, path, key, payload)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.slowest = max(l.slowest, time.Since(began))
	if tries > 1 {
		l.repeated++
	}
	switch {
	case err != nil:
		l.failures = append(l.failures, err)
	case r.status != http.StatusCreated:
		l.failures = append(l.failures, fmt.Errorf("%s %s: %d %s", path, key, r.status, r.text))
	default:
		l.promises = append(l.promises, promise{account, key, amount, r.body.Version})
	}
}

// run sends so many commands a second, each when it is due even if earlier ones are unanswered,
// until ctx ends, and waits for the answers.
func (l *ledger) run(ctx context.Context, name string, perSecond int) {
	rng := rand.New(rand.NewPCG(1, uint64(len(name))))
	tick := time.NewTicker(time.Second / time.Duration(perSecond))
	defer tick.Stop()
	var sending sync.WaitGroup
	defer sending.Wait()
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		account, amount := l.accounts[rng.IntN(len(l.accounts))], 1+rng.Int64N(99)
		if rng.IntN(2) == 0 {
			amount = -amount
		}
		sending.Go(func() { l.move(context.WithoutCancel(ctx), account, fmt.Sprintf("%s-%d", name, i), amount) })
	}
}

// count returns how many promises there are.
func (l *ledger) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.promises)
}

// check checks that every promise is kept in the journal: each at its version, made by its key,
// once, and nothing else.
func (l *ledger) check(t *testing.T, f fleet) (heads map[string]int64, posted map[string]int64) {
	t.Helper()
	for _, err := range l.failures {
		t.Errorf("a command had no definite answer: %v", err)
	}
	tables, _, _ := f.stores()
	reader := journal.NewReader(tables)
	heads, posted = map[string]int64{}, map[string]int64{}
	made := map[string]map[string]int64{} // version by key by account
	for _, account := range l.accounts {
		made[account] = map[string]int64{}
		prev := event.Hash{}
		for e, err := range reader.Entries(t.Context(), event.Account{Tenant: access.MainTenant, ID: account}, 1, 0) {
			if err != nil {
				t.Fatal(err)
			}
			if e.First != heads[account]+1 || e.Prev != prev {
				t.Errorf("broken promise: %s: entry v%d does not follow v%d", account, e.First, heads[account])
			}
			for _, c := range e.Commands {
				if other, twice := made[account][c.Key]; twice {
					t.Errorf("broken promise: %s: %s made versions %d and %d", account, c.Key, other, c.First)
				}
				made[account][c.Key] = c.Last
			}
			heads[account], prev = e.Last, e.Hash
			posted[account] = e.Events[len(e.Events)-1].After.Posted
		}
	}
	expected := map[string]int64{}
	for _, p := range l.promises {
		if got := made[p.account][p.key]; got != p.version {
			t.Errorf("broken promise: %s was promised version %d of %s and has version %d", p.key, p.version, p.account, got)
		}
		expected[p.account] += p.amount
		delete(made[p.account], p.key)
	}
	for _, account := range l.accounts {
		for key, version := range made[account] {
			t.Errorf("broken promise: %s: %s made version %d, and nobody was told", account, key, version)
		}
		if posted[account] != expected[account] {
			t.Errorf("broken promise: %s: posted %d, the promises make %d", account, posted[account], expected[account])
		}
	}
	return heads, posted
}
