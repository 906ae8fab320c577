package e2e

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"passbook/cmd/internal/programtest"
)

// spell is how long each release works in a directory.
const spell = 700 * time.Millisecond

// books are the promises of every release that served a directory.
type books struct {
	data string
	made []promise
}

// serve has a release serve the directory: it checks what earlier releases promised, plays a day,
// and works for a while. audit is the release's own, "" for none. The bank still runs.
func (k *books) serve(t *testing.T, release, program, audit string) *bank {
	t.Helper()
	b := serveAs(t, program, k.data)
	if audit != "" {
		b.checkAuditAs(t, audit)
	}
	b.checkPromises(t, k.made)
	if len(k.made) == 0 {
		for i := range killAccounts {
			b.open(t, account(i), 1_000_000)
		}
	}
	must(t, program, "demo", "--url", b.Base, "--accounts", "3", "--speed", "0", "--seed", fmt.Sprint(len(k.made)))
	b.fill(t, release)
	stop := k.load(t, b, release)
	wait(t, spell)
	stop()
	if audit != "" {
		b.checkAuditAs(t, audit)
		b.checkNothingQuarantined(t, audit)
	}
	return b
}

// fill makes an entry that is far over 4 KB, of commands that wait for each other.
func (b *bank) fill(t *testing.T, run string) {
	t.Helper()
	var payload strings.Builder
	for i := range 100 {
		fmt.Fprintf(&payload, `{"op":"credit","account_id":"A-1","idempotency_key":"fill-%s-%d","amount":1,"currency":"EUR"}`+"\n", run, i)
	}
	for _, line := range b.stream(t, "/v1/bulk", payload.String()) {
		if !strings.Contains(line, `"status":201`) {
			t.Fatal(line)
		}
	}
}

// load starts clients that send commands, each again until its answer is definite. The function
// that it returns ends them, and writes into the books what they were promised.
func (k *books) load(t *testing.T, b *bank, run string) (stop func()) {
	var ended atomic.Bool
	var clients sync.WaitGroup
	made := make([][]promise, 4)
	for c := range made {
		clients.Go(func() { made[c] = b.insist(t, fmt.Sprintf("%s-c%d", run, c), uint64(c), &ended) })
	}
	return func() {
		ended.Store(true)
		clients.Wait()
		count := 0
		for _, m := range made {
			k.made = append(k.made, m...)
			count += len(m)
		}
		if count == 0 {
			t.Errorf("%s: no command was answered", run)
		}
		t.Logf("%s: %d commands answered", run, count)
	}
}

// insist sends commands until it is told to end. A command that has no definite answer for Patience
// has failed for good.
func (b *bank) insist(t *testing.T, run string, seed uint64, ended *atomic.Bool) (made []promise) {
	rng := rand.New(rand.NewPCG(seed, 7))
	for i := 0; !ended.Load(); i++ {
		p := promise{account: account(rng.IntN(killAccounts)), key: fmt.Sprintf("%s-%d", run, i), body: money(1 + rng.Int64N(99))}
		for began := time.Now(); ; wait(t, 20*time.Millisecond) {
			a, err := b.try("POST", p.path(), p.key, p.body)
			if err == nil && a.status == 201 {
				p.answer, p.version = a.text, a.body.Version
				made = append(made, p)
				break
			}
			if err == nil && a.status < 500 || time.Since(began) > programtest.Patience {
				t.Errorf("%s failed for good: %v, %d %s", p.key, err, a.status, a.text)
				return made
			}
		}
	}
	return made
}

// checkNothingQuarantined checks that no account and no record is in quarantine, by the bank of the
// release of an audit.
func (b *bank) checkNothingQuarantined(t *testing.T, audit string) {
	t.Helper()
	got := must(t, strings.TrimSuffix(audit, "audit")+"bank", "quarantine", "list", "--data", b.data)
	if !strings.Contains(got.Out, "the quarantine is empty") {
		t.Errorf("in quarantine:\n%s", got.Out)
	}
}

// TestReleasesServeOneDirectoryUntilItIsUpgraded has the first release begin a directory, today's
// bank continue it, the last release before entry format 2 take it back after a power cut, and
// today's bank again, which is upgraded under load. Each keeps what the others promised; after the
// upgrade the others refuse the directory.
func TestReleasesServeOneDirectoryUntilItIsUpgraded(t *testing.T) {
	t.Parallel()
	first, bankBefore, auditBefore := programtest.First.Program(t, "bank"), programtest.Format1.Program(t, "bank"), programtest.Format1.Program(t, "audit")
	k := &books{data: t.TempDir()}
	k.serve(t, "first", first, "").Terminate()
	k.serve(t, "new", "bank", "audit").Kill()
	k.serve(t, "back", bankBefore, auditBefore).Terminate()
	b := k.serve(t, "again", "bank", "audit")
	k.upgrade(t, b)
	b.checkPromises(t, k.made)
	for i := range killAccounts {
		events := b.history(t, account(i))
		checkHistory(t, events, int64(len(events)))
	}
	b.checkKept(t, k.made)
	b.checkAudit(t)
	b.checkNothingQuarantined(t, "audit")
	before := b.everything(t)
	b.Terminate()

	k.checkRefused(t, 1, first, "serve", "--listen", "127.0.0.1:0") // it has no exit code for that
	k.checkRefused(t, 5, bankBefore, "serve", "--listen", "127.0.0.1:0")
	k.checkRefused(t, 5, auditBefore)
	k.checkRefused(t, 5, programtest.Format1.Program(t, "replay"), "rebuild", "--model", "balance")
	rebuild(t, k.data, "archive")
	b = serve(t, k.data)
	same(t, before, b.everything(t))
	b.checkAudit(t)
	b.Terminate()
	k.serve(t, "after", "bank", "audit")
}

// upgrade upgrades the bank while clients send commands, and audits it all the time.
func (k *books) upgrade(t *testing.T, b *bank) {
	t.Helper()
	stop := k.load(t, b, "upgrade")
	defer stop()
	var done atomic.Bool
	var auditing sync.WaitGroup
	auditing.Go(func() {
		for !done.Load() {
			if got := command(t, "audit", "--data", k.data); got.Code == 3 {
				t.Errorf("beside the upgrade: %s%s", got.Out, got.ErrOut)
				return
			}
		}
	})
	defer auditing.Wait()
	defer done.Store(true)
	if dry := must(t, "bank", "upgrade", "--dry-run", "--data", k.data); !strings.Contains(dry.Out, "would switch") {
		t.Errorf("dry run: %s", dry.Out)
	}
	t.Log(must(t, "bank", "upgrade", "--yes", "--data", k.data).Out)
	wait(t, spell)
	if again := must(t, "bank", "upgrade", "--yes", "--data", k.data); !strings.Contains(again.Out, "already") {
		t.Errorf("a second upgrade: %s", again.Out)
	}
}

// checkRefused checks that a program of an earlier release leaves the directory as it is, with a
// line that says why.
func (k *books) checkRefused(t *testing.T, code int, program string, args ...string) {
	t.Helper()
	before := snapshot(t, k.data)
	got := command(t, program, append(args, "--data", k.data)...)
	if got.Code != code || !strings.Contains(got.ErrOut, "newer") {
		t.Errorf("%s: code %d\n%s%s", program, got.Code, got.Out, got.ErrOut)
	}
	if after := snapshot(t, k.data); after != before {
		t.Errorf("%s changed the directory:\n%s\nbefore\n%s", program, after, before)
	}
}
