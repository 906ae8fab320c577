package pipeline

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/event"

	"passbook/shared/account"
	"passbook/shared/faults"
)

// down is how long the connections are cut, and caughtUp how soon after that everything must be in
// its place.
const (
	down     = 10 * time.Second
	caughtUp = 5 * time.Second
)

// traffic sends 4 commands a second to each account, by a writer, until stop is closed. Every one
// is repeated until it is answered.
type traffic struct {
	working sync.WaitGroup
	mu      sync.Mutex
	done    []time.Time // when each was answered
	waited  time.Duration
}

func (w *writer) traffic(stop <-chan struct{}, draft func(*account.Draft), accounts ...event.Account) *traffic {
	tr := &traffic{}
	for _, a := range accounts {
		tr.working.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				case <-time.After(250 * time.Millisecond):
				}
				tr.working.Go(func() {
					began := time.Now()
					w.do(command(a, fmt.Sprint(n), draft))
					tr.mu.Lock()
					defer tr.mu.Unlock()
					tr.done = append(tr.done, time.Now())
					tr.waited = max(tr.waited, time.Since(began))
				})
			}
		})
	}
	return tr
}

// went checks that commands were answered since the outage began, or that none was.
func (tr *traffic) went(t *testing.T, on bool, began time.Time) {
	t.Helper()
	tr.mu.Lock()
	defer tr.mu.Unlock()
	n := 0
	for _, at := range tr.done {
		if at.After(began) {
			n++
		}
	}
	if on && n < 380 || !on && n > 0 {
		t.Errorf("%d of 400 commands were answered during the outage; the writer continues: %v", n, on)
	}
}

// parties are the processes during an outage: two writers with separate accounts, and both read
// models.
type parties struct {
	one, two         *writer
	balances, limits *faults.Client
}

// Connections are cut for 10 s, in the middle of calls. A process with a connection to the tables
// continues; within 5 s after the outage everything is on the stream and in the read models, and
// nothing is lost or there twice.
func TestOutageIsMadeGood(t *testing.T) {
	for name, outage := range map[string]struct {
		lines    func(parties) []*faults.Client
		one, two bool // the writer continues
	}{
		"a writer and a reader": {func(p parties) []*faults.Client { return []*faults.Client{p.one.client, p.balances, p.one.sender} }, false, true},
		"a writer's stream":     {func(p parties) []*faults.Client { return []*faults.Client{p.one.sender} }, true, true},
		"the readers":           {func(p parties) []*faults.Client { return []*faults.Client{p.balances, p.limits} }, true, true},
		"everything": {func(p parties) []*faults.Client {
			return []*faults.Client{p.one.client, p.two.client, p.balances, p.limits, p.one.sender, p.two.sender}
		}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			warm(t)
			synctest.Test(t, func(t *testing.T) {
				b := newBank(t, 2, faults.TablesConfig{})
				p := parties{b.writer(), b.writer(), b.balances(), b.limits()}
				b.outage(t, p, outage.lines(p), outage.one, outage.two)
			})
		})
	}
}

// outage cuts the connections under traffic, and checks that nothing is lost.
func (b *bank) outage(t *testing.T, p parties, lines []*faults.Client, oneGoesOn, twoGoesOn bool) {
	a1, a2 := named("A", 10), named("B", 10)
	all := append(append([]event.Account(nil), a1...), a2...)
	p.one.openAccounts(a1...)
	p.two.openAccounts(a2...)
	b.within(caughtUp, "the accounts are projected", func() bool { return b.projected(all...) })
	stop := make(chan struct{})
	one, two := p.one.traffic(stop, withdraw(1, reference), a1...), p.two.traffic(stop, withdraw(1, reference), a2...)
	time.Sleep(5*time.Second + 3*time.Millisecond)
	for _, line := range lines {
		line.Disconnect()
	}
	began := time.Now()
	time.Sleep(down)
	one.went(t, oneGoesOn, began)
	two.went(t, twoGoesOn, began)
	if lines[0].Failed() == 0 {
		t.Error("the line lost nothing")
	}
	for _, line := range lines {
		line.Reconnect()
	}
	healed := time.Now()
	close(stop)
	one.working.Wait()
	two.working.Wait()
	answered := time.Since(healed)
	b.within(caughtUp-answered, "all is on the stream", func() bool { return b.missing(all...) == 0 })
	onStream := time.Since(healed)
	b.within(caughtUp-onStream, "all is projected", func() bool { return b.projected(all...) })
	t.Logf("after healing: all answered after %v (the longest wait was %v), on the stream after %v, projected after %v",
		answered, max(one.waited, two.waited), onStream, time.Since(healed))
	b.settled(t, a1, len(one.done))
	b.settled(t, a2, len(two.done))
}

// settled checks that the accounts had so many commands of 1 among them, each once, and that their
// rows say the same.
func (b *bank) settled(t *testing.T, accounts []event.Account, commands int) {
	t.Helper()
	b.correct(t, accounts...)
	for _, a := range accounts {
		s := b.state(a)
		if s.Posted != 1_000_000_000-(s.Version-2) {
			t.Errorf("%s: %d at v%d", a.ID, s.Posted, s.Version)
		}
		commands -= int(s.Version - 2)
	}
	if commands != 0 {
		t.Errorf("%d answered commands are lost, or %d are there twice", commands, -commands)
	}
}
