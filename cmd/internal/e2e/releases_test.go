package e2e

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"passbook/cmd/internal/programtest"
)

// The bank of the first release, then two releases of all five services together, the last one
// before entry format 2 as the first instances and today's as the second; back to the one before
// and on again; and the upgrade under load, after which the one before does nothing any more.
func TestReleasesTogetherOnAWS(t *testing.T) {
	firstBank, auditBefore := programtest.First.Program(t, "bank"), programtest.Format1.Program(t, "audit")
	f, b := newProcessesBy(t, firstBank, 2), newBalancer(t)
	l := beginWith(t, f, b, firstBank)

	if err := f.job(t, "bank", "resources"); err != nil { // with the key, which the first release did not need
		t.Fatal(err)
	}
	f.program = func(service string, n int) string {
		if n == 0 {
			return programtest.Format1.Program(t, service)
		}
		return service
	}
	startAll(t, f, b)
	stop := keepLoading(t, l, "mixed")
	pass(t.Context(), phase)
	f.auditDuring(t, auditBefore)
	f.upgradeRefuses(t)
	drainInstances(t, f, b, 1) // back to the release before, and on again
	pass(t.Context(), phase)
	startInstances(t, f, b, 1)
	drainInstances(t, f, b, 0)
	f.program = nil
	startInstances(t, f, b, 0)

	if err := f.job(t, "bank", "upgrade", "--yes"); err != nil {
		t.Fatal(err)
	}
	f.auditDuring(t, "audit")
	f.startTooOld(t)
	pass(t.Context(), phase)
	stop()
	checkAll(t, f, b, l)
}

// phase is the time between two steps.
const phase = 5 * time.Second

// upgradeRefuses checks that a bank is not upgraded while an older release serves it, and that
// every program of that release is named.
func (f *processes) upgradeRefuses(t *testing.T) {
	t.Helper()
	got := programtest.Run(t, "", f.environ, "bank", "upgrade", "--yes")
	if got.Code == 0 || !strings.Contains(got.ErrOut, "older release") {
		t.Errorf("bank upgrade beside an older release: %d\n%s%s", got.Code, got.Out, got.ErrOut)
	}
	for _, named := range []string{"writer ", nameOf("balance", 0) + "/", nameOf("creditlimit", 0) + "/", nameOf("archiver", 0) + "/"} {
		if !strings.Contains(got.ErrOut, named) {
			t.Errorf("bank upgrade does not name %q:\n%s", named, got.ErrOut)
		}
	}
}

// startTooOld starts programs of the release before in a bank that was upgraded: its writers
// refuse, and its readers get no shard until they end with the test.
func (f *processes) startTooOld(t *testing.T) {
	t.Helper()
	for _, service := range []string{"withdraw", "credit"} {
		got := programtest.Run(t, "", f.environ, programtest.Format1.Program(t, service))
		if got.Code != 5 || !strings.Contains(got.ErrOut, "these tables belong to no bank yet") {
			t.Errorf("%s of the release before: %d\n%s", service, got.Code, got.ErrOut)
		}
	}
	f.program = func(service string, _ int) string { return programtest.Format1.Program(t, service) }
	for _, service := range []string{"balance", "creditlimit", "archiver"} {
		f.start(t, service, instances)
	}
	f.program = nil
}

// beginWith has the first release open accounts and work for a while, all in one process.
func beginWith(t *testing.T, f *processes, b *balancer, bank string) *ledger {
	t.Helper()
	s := programtest.Start(t, f.environ, bank, "serve")
	for _, service := range []string{"withdraw", "credit"} {
		b.add(&instance{service: service, name: "first-" + service, base: s.Base})
	}
	l := openAccounts(t, b, 10)
	stop := keepLoading(t, l, "first")
	pass(t.Context(), phase)
	stop()
	s.Terminate()
	for _, service := range []string{"withdraw", "credit"} {
		b.remove("first-" + service)
	}
	return l
}

// keepLoading sends commands until the function that it returns is called.
func keepLoading(t *testing.T, l *ledger, name string) (stop func()) {
	loading, end := context.WithCancel(t.Context())
	var load sync.WaitGroup
	load.Go(func() { l.run(loading, name, 4) })
	stop = func() {
		end()
		load.Wait()
	}
	t.Cleanup(stop)
	return stop
}

// auditDuring audits the bank under load. What is on its way is no difference.
func (f *processes) auditDuring(t *testing.T, program string) {
	t.Helper()
	if err := f.job(t, program, "--grace", usualGrace.String()); errors.Is(err, errDiffers) {
		t.Fatalf("broken promise: %v", err)
	} else if err != nil {
		t.Logf("not caught up: %v", err)
	}
}

// startInstances starts an instance of each service.
func startInstances(t *testing.T, f fleet, b *balancer, n int) {
	t.Helper()
	for _, service := range services {
		b.add(f.start(t, service, n))
	}
}

// checkAll checks a fleet that has nothing more to do: every promise, every row, the quarantine,
// the audit, and what is rebuilt from the archive.
func checkAll(t *testing.T, f *processes, b *balancer, l *ledger) {
	t.Helper()
	t.Logf("%d commands answered, %d of them needed more than one try, the slowest %v", l.count(), l.repeated, l.slowest.Round(time.Millisecond))
	heads, posted := l.check(t, f)
	caughtUp(t, b, heads, posted)
	programtest.Every(t, look, "audit", func() error { return f.audit(t, time.Nanosecond) })
	if list := programtest.Run(t, "", f.environ, "bank", "quarantine", "list", "--json"); list.Code != 0 || list.Out != "[]\n" {
		t.Errorf("broken promise: in quarantine: %d\n%s%s", list.Code, list.Out, list.ErrOut)
	}
	for _, model := range []string{"balance", "creditlimit"} {
		patiently(t, "rebuild "+model, func() error { return f.rebuild(t, model) })
		patiently(t, "promote "+model, func() error { return f.promote(t, model) })
	}
	caughtUp(t, b, heads, posted)
}
