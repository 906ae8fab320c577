package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"passbook/cmd/internal/programtest"
)

const (
	killAccounts = 8
	killClients  = 16
)

// kills returns how many times the bank is killed.
func kills(t *testing.T) int {
	t.Helper()
	text := os.Getenv("PASSBOOK_KILLS")
	if text == "" {
		return 5
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("PASSBOOK_KILLS=%q is not a positive number", text)
	}
	return n
}

// promise is a command that was answered with success, which nothing may undo.
type promise struct {
	account string
	key     string
	body    string
	answer  string
	version int64
}

// TestKillUnderLoad kills the bank at random moments under load. Every command answered with 2xx is
// in the journal afterwards, once; read models, stream and archive agree with the journal; and a
// repeated key gets its first answer.
func TestKillUnderLoad(t *testing.T) {
	data := t.TempDir()
	b := serve(t, data)
	for i := range killAccounts {
		b.open(t, account(i), 1_000_000)
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	var promises []promise
	for kill := range kills(t) {
		var clients sync.WaitGroup
		made := make([][]promise, killClients)
		for c := range killClients {
			clients.Go(func() { made[c] = b.pester(fmt.Sprintf("k%d-c%d", kill, c), seed+uint64(c)) })
		}
		wait(t, time.Duration(50+rng.IntN(700))*time.Millisecond)
		b.Kill()
		clients.Wait()
		round := 0
		for _, m := range made {
			promises = append(promises, m...)
			round += len(m)
		}
		t.Logf("kill %d after %d answers", kill+1, round)
		b = serve(t, data)
		b.checkPromises(t, promises[max(0, len(promises)-round):])
	}
	for i := range killAccounts {
		events := b.history(t, account(i))
		checkHistory(t, events, int64(len(events)))
	}
	b.checkKept(t, promises)
	b.checkAudit(t)
	b.Terminate()
	if got := command(t, "audit", "--data", data); got.Code != 0 {
		t.Errorf("audit of the directory: %d\n%s%s", got.Code, got.Out, got.ErrOut)
	}
}

func account(i int) string { return fmt.Sprintf("A-%d", i) }

// pester sends commands until the bank does not answer, and returns what was answered 2xx.
func (b *bank) pester(run string, seed uint64) []promise {
	rng := rand.New(rand.NewPCG(seed, 1))
	var made []promise
	for i := 0; ; i++ {
		p := promise{account: account(rng.IntN(killAccounts)), key: fmt.Sprintf("%s-%d", run, i), body: money(1 + rng.Int64N(99))}
		a, err := b.try("POST", p.path(), p.key, p.body)
		if err != nil {
			return made
		}
		if a.status == 201 {
			p.answer, p.version = a.text, a.body.Version
			made = append(made, p)
		}
	}
}

// path sends a promise in or out by the length of its body, so that a repeat goes the same way.
func (p promise) path() string {
	if len(p.body)%2 == 0 {
		return "/v1/accounts/" + p.account + "/credits"
	}
	return "/v1/accounts/" + p.account + "/withdrawals"
}

// checkPromises repeats commands that were answered, some of them: each gets its first answer.
func (b *bank) checkPromises(t *testing.T, promises []promise) {
	t.Helper()
	step := max(1, len(promises)/100)
	for i := len(promises) - 1; i >= 0; i -= step {
		p := promises[i]
		again := b.post(t, p.path(), p.key, p.body)
		if again.status != 201 || !again.replayed() || again.text != p.answer {
			t.Fatalf("%s on %s: answered\n%s\nand, after a kill, %d replayed %t\n%s", p.key, p.account, p.answer, again.status, again.replayed(), again.text)
		}
	}
}

// checkKept checks that each promise is the event at its version, made by its key and of its
// amount, and that no key made two.
func (b *bank) checkKept(t *testing.T, promises []promise) {
	t.Helper()
	histories := map[string][]event{}
	for i := range killAccounts {
		events := b.history(t, account(i))
		histories[account(i)] = events
		made := map[string]int64{}
		for _, e := range events {
			if other, twice := made[e.CausationID]; twice {
				t.Errorf("%s made versions %d and %d of %s", e.CausationID, other, e.Version, account(i))
			}
			made[e.CausationID] = e.Version
		}
	}
	for _, p := range promises {
		events := histories[p.account]
		if p.version > int64(len(events)) {
			t.Errorf("%s was answered with version %d of %s, which has %d", p.key, p.version, p.account, len(events))
			continue
		}
		if e := events[p.version-1]; e.CausationID != p.key || money(e.Amount) != p.body {
			t.Errorf("%s was answered with version %d of %s, which is %s of %d by %s", p.key, p.version, p.account, e.Type, e.Amount, e.CausationID)
		}
	}
	t.Logf("%d answers kept", len(promises))
}

// checkAudit lets the running bank prove journal = archive = read models. What was committed a
// moment ago may still be in transit; audit then ends with exit code 4.
func (b *bank) checkAudit(t *testing.T) {
	t.Helper()
	b.checkAuditAs(t, "audit")
}

// checkAuditAs does so with the audit program of an earlier release.
func (b *bank) checkAuditAs(t *testing.T, program string) {
	t.Helper()
	programtest.Eventually(t, "audit", func() error {
		if got := command(t, program, "--data", b.data, "--grace", "0s"); got.Code != 0 {
			return fmt.Errorf("exit code %d\n%s%s", got.Code, got.Out, got.ErrOut)
		}
		return nil
	})
}

// wait lets time pass: under load, there is nothing to wait for but that.
func wait(t *testing.T, d time.Duration) {
	t.Helper()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-t.Context().Done():
	}
}
